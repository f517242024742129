"""`python -m denwaban`."""

from denwaban.cli import main

raise SystemExit(main())
