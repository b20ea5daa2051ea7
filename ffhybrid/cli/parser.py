"""Options as ffmpeg reads them: matched whole, the next word is the value, an unknown one is named with the nearest."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NoReturn

from ffhybrid.cli.values import one_of
from ffhybrid.core.suggestions import did_you_mean
from ffhybrid.errors import UsageError

LEVELS = {
    "quiet": 100,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}
"""Of :mod:`logging`, by the words of ``-v``."""
HELP = ("-h", "-help", "--help")
_FULL = ("full", "long")
_MUXER = "muxer="
_COLUMNS = 100
_SYNONYMS = {"-loglevel": "-v"}


class _Formatter(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=_COLUMNS)


class Parser(argparse.ArgumentParser):
    """The options of one command.

    :mod:`argparse` keeps types, defaults and help; which words are options is decided here, since it abbreviates
    options, takes ``-t1`` apart and values that begin with a minus for options. ``has_muxer_options`` lets options
    through that a muxer of libavformat has, into ``format_options`` of what :meth:`parse` returns.
    """

    def __init__(self, name: str, text: str, synopsis: str) -> None:
        super().__init__(
            prog=f"ffhybrid {name}",
            description=text,
            usage=f"%(prog)s {synopsis}",
            add_help=False,
            allow_abbrev=False,
            formatter_class=_Formatter,
        )
        self.name = name
        self.has_muxer_options = False
        self._synonyms = dict(_SYNONYMS)
        self._first_page: frozenset[str] = frozenset()
        self.set_defaults(command=name)
        self.add_argument("-h", action="store_true", help="this help; -h full: all options")
        self.add_argument(
            "-v", type=one_of(LEVELS), default="warning", metavar="LEVEL", help=f"{', '.join(LEVELS)} (%(default)s)"
        )

    def suggest(self, synonyms: Mapping[str, str]) -> None:
        """Say what to write in place of options that ffmpeg has, or that stand elsewhere."""
        self._synonyms.update(synonyms)

    def first_page(self, *names: str) -> None:
        """Say which options ``-h`` shows; all others are left to ``-h full``."""
        unknown = set(names) - set(self.option_names())
        if unknown:
            raise ValueError(f"there is no {', '.join(sorted(unknown))}")
        self._first_page = frozenset((*names, "-h", "-v"))

    def option_names(self) -> tuple[str, ...]:
        """Names of all options, without those of muxers."""
        return tuple(self._option_string_actions)

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse the words behind the command's name; prints help and exits where that is asked for.

        Raises:
            UsageError: an unknown option, a value that it does not take, a value or an argument that is missing.
        """
        words: list[str] = []
        format_options: dict[str, str] = {}
        remaining = iter(arguments)
        for word in remaining:
            if word in HELP:
                self._help(next(remaining, ""))
            action = self._option_string_actions.get(word)
            if action is None and _is_option(word):
                self._refuse_unknown(word)
                format_options[word[1:]] = _value(word, remaining)
            elif action is not None and action.nargs is None:
                words.append(f"{word}={_value(word, remaining)}")
            else:
                words.append(word)
        options = self.parse_args(words)
        options.format_options = format_options
        return options

    def error(self, message: str) -> NoReturn:
        """Raise what :mod:`argparse` complains about."""
        raise UsageError(f"{message.removeprefix('argument ')} ({self.prog} -h lists the options)")

    def _refuse_unknown(self, word: str) -> None:
        """Let options of muxers pass.

        Raises:
            UsageError: it is none.
        """
        of_muxers: frozenset[str] = frozenset()
        if self.has_muxer_options:
            from ffhybrid.muxer.libav.muxer_options import names_of_all_muxers

            of_muxers = names_of_all_muxers()
        if word[1:] in of_muxers:
            return
        names = {*(name.removeprefix("-") for name in self.option_names()), *of_muxers}
        synonym = self._synonyms.get(word)
        suggestion = f"; did you mean {synonym}?" if synonym else did_you_mean(word.lstrip("-"), names, prefix="-")
        raise UsageError(f"unknown option {word}{suggestion or f' ({self.prog} -h lists the options)'}")

    def _help(self, topic: str) -> NoReturn:
        if topic.startswith(_MUXER) and self.has_muxer_options:
            sys.stdout.write(_help_on_muxer(topic.removeprefix(_MUXER)))
            self.exit()
        is_short = bool(self._first_page) and topic not in _FULL
        if is_short:
            self.epilog = f"{self.prog} -h full has {len(self.option_names()) - len(self._first_page)} more options."
            for action in self._actions:
                if action.option_strings and not self._first_page.intersection(action.option_strings):
                    action.help = argparse.SUPPRESS
        self.print_help()
        self.exit()


def _is_option(word: str) -> bool:
    return word.startswith("-") and word != "-"


def _value(word: str, remaining: Iterator[str]) -> str:
    value = next(remaining, None)
    if value is None:
        raise UsageError(f"{word} needs a value")
    return value


def _help_on_muxer(name: str) -> str:
    from ffhybrid.muxer.libav.muxer_options import generic_options, muxer_name, options_of

    muxer = muxer_name(name, "")
    if muxer is None:
        raise UsageError(f"FFmpeg has no muxer {name}")
    lines: Iterable[str] = (
        f"  {'-' + option.name:<28} {option.help}\n"
        for option in (*options_of(muxer).values(), *generic_options().values())
    )
    return f"Options of FFmpeg's muxer {muxer}:\n{''.join(lines)}"
