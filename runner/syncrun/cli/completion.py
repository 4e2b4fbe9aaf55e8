"""`syncrun completion`: the script by which a shell completes commands, connections and syncs."""

from __future__ import annotations

import click

from syncrun.cli.completing import VARIABLE


@click.command(
    "completion",
    epilog="""\b
Examples, once and for all:
  bash  echo 'eval "$(syncrun completion bash)"' >> ~/.bashrc
  zsh   echo 'eval "$(syncrun completion zsh)"' >> ~/.zshrc
  fish  syncrun completion fish > ~/.config/fish/completions/syncrun.fish""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, *, shell: str) -> int:
    """Print the completion script of SHELL."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click has them
    maker = kind(context.find_root().command, {}, "syncrun", VARIABLE)
    # its own source() starts the shell to ask for its version, and warns
    click.echo(maker.source_template % maker.source_vars(), nl=False)
    return 0
