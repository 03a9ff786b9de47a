"""What a station looks like to others: one view of it, as JSON, as HTML and in other servers' forms."""
