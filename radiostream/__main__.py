from radiostream.app import main

raise SystemExit(main())
