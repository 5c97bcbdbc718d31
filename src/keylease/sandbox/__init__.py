"""An AWS that runs here: ministack in a process of its own, an account in it, and the demo."""
