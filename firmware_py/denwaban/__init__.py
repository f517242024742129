"""denwaban (電話番): minds the telephone of an elderly household. Reading order: events.py → session.py → app.py."""

__version__ = "0.1.0"
