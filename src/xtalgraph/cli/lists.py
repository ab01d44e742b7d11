"""Options that take several words: `--compare radius:5 knn:12`."""

import click


class CommandWithLists(click.Command):
    """A command whose repeatable options take all words up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write ``--name a b`` as ``--name a --name b``, then parse."""
        lists = {
            name
            for option in self.params
            if isinstance(option, click.Option) and option.multiple
            for name in option.opts
        }
        std: list[str] = []
        current: str | None = None
        for index, word in enumerate(args):
            if word.startswith("-"):
                current = word if word in lists else None
                if current is None:
                    std.append(word)
                elif not args[index + 1 :] or args[index + 1].startswith("-"):
                    raise click.BadOptionUsage(word, f"Option {word!r} needs a word or more.", ctx)
            else:
                std += [word] if current is None else [current, word]
        return super().parse_args(ctx, std)
