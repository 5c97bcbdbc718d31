"""Sending what people are told, by mail and chat: the only part that speaks to the outside about it."""

from keylease.notify.sending import Sending

__all__ = ["Sending"]
