"""Sign-in: what comes in is unverified, what goes out is a principal."""
