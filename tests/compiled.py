"""What every application compiles, compiled once a run: its templates, and the addresses it builds.

A test makes an application of its own; compiling was half of the time of those that show a page.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


class Compiled(BytecodeCache):
    """Code of templates in memory; one whose source has changed is compiled again."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._kept[bucket.key, bucket.checksum] = bucket.code


def share_compiled() -> None:
    """Every application made from now on in this process takes what another has compiled."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": Compiled()}
    compile_builder = Rule._compile_builder
    built: dict[object, Builder] = {}

    def build_once(rule: Rule, append_unknown: bool = True) -> Builder:  # noqa: FBT001, FBT002  (Werkzeug's signature)
        """The function depends on these alone: it takes the rule, with its converters, as an argument."""
        if rule.defaults:
            return compile_builder(rule, append_unknown)
        key = (rule.rule, tuple(rule._trace), append_unknown)
        if key not in built:
            built[key] = compile_builder(rule, append_unknown)
        return built[key]

    Rule._compile_builder = build_once  # type: ignore[assignment, method-assign]
