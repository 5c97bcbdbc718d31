"""keylease: AWS keys that expire. Importing it imports nothing else."""

__version__ = "0.1.0"
