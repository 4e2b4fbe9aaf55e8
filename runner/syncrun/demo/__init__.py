"""A small shop with an HTTP API on this machine, for `syncrun demo`: `with DemoApi() as api: … api.url …`."""

from syncrun.demo.server import DemoApi

__all__ = ["DemoApi"]
