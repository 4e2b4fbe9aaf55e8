"""Loads hook files: each run of each sync gets modules of its own, which no other connection shares."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from syncrun.config.hook_file import STAGES, HookFile, read_hook_file
from syncrun.config.named_file import NamedFileError
from syncrun.errors import HookError
from syncrun.hooks.failures import failure
from syncrun.hooks.speech import Redact, speaking
from syncrun.hooks.stages import NO_HOOKS, Function, Hooks


def load_hooks(names: Iterable[str | None], folder: Path | None, redact: Redact) -> Hooks:
    """Return the functions in the files *names* of the project *folder*; a later file wins, stage by stage.

    *redact* takes the secrets of the connection out of what hooks print and raise (R23). Raise HookError for
    a file that cannot be loaded.
    """
    chosen = list(dict.fromkeys(name for name in names if name is not None))
    if not chosen:
        return NO_HOOKS
    try:
        files = [read_hook_file(name, folder) for name in chosen]
    except NamedFileError as error:
        raise HookError(f"the hook file {error.message}", hint=error.hint) from None
    functions: dict[str, Function] = {}
    for file in files:
        functions |= _functions_of(file, redact)
    return Hooks(functions, "".join(file.digest for file in files), redact)


def _functions_of(file: HookFile, redact: Redact) -> dict[str, Function]:
    module = _run(file, redact)
    found: dict[str, Function] = {}
    for stage, parameters in STAGES.items():
        call = getattr(module, stage, None)
        if call is None:
            continue
        if not _takes_two(call):
            raise HookError(f"hook {stage} ({file.name}) must be a function that takes {parameters}")
        found[stage] = Function(stage, call, file.name, str(file.path))
    return found


def _run(file: HookFile, redact: Redact) -> ModuleType:
    """Return the module that *file* makes; its bytecode is not kept."""
    module = ModuleType(f"syncrun_hooks_{file.path.stem}_{id(file):x}")
    module.__file__ = str(file.path)
    sys.modules[module.__name__] = module  # where dataclasses look up what they are made of
    try:
        code = compile(file.source, file.path, "exec", dont_inherit=True)
        with speaking(redact):
            exec(code, vars(module))  # noqa: S102 - the user's own
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - the file is not ours
        place, told = failure(error, file.name, str(file.path))
        raise HookError(redact(f"the hook file {place} cannot be loaded: {told}")) from None
    finally:
        del sys.modules[module.__name__]
    return module


def _takes_two(call: Any) -> bool:
    if not callable(call) or inspect.iscoroutinefunction(call):
        return False
    try:
        inspect.signature(call).bind(None, None)
    except TypeError:
        return False
    except ValueError:  # written in C, without a signature to look at
        return True
    return True
