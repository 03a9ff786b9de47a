"""What was played and who is told: the log of plays, reports and statistics from it, webhooks. Imported when used."""
