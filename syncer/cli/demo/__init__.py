"""The demo: the real host against played partners, with life going on at them."""

from syncer.cli.demo.narrating import narrate
from syncer.cli.demo.once import pass_once
from syncer.cli.demo.stage import Stage, set_up
from syncer.cli.demo.view import watch

__all__ = ["Stage", "narrate", "pass_once", "set_up", "watch"]
