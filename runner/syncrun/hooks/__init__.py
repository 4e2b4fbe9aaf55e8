"""Hooks: a project's own Python functions, loaded by path and called at named stages."""

from syncrun.hooks.load import load_hooks
from syncrun.hooks.stages import NO_HOOKS, Hooks

__all__ = ["NO_HOOKS", "Hooks", "load_hooks"]
