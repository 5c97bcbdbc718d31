"""The web: a JSON API and plain pages over the same use cases."""

from keylease.web.factory import create

__all__ = ["create"]
