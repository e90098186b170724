"""The file's YAML form → the tables that its TOML form has. Owns what of YAML is taken."""

from typing import Any

import yaml

from stationmaster.gateway.config import ConfigError, Problem


class _Loader(yaml.SafeLoader):
    """YAML as the tables need it: a date is the text that was written, and no key is given twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if any(not isinstance(key, str) for key in keys):
            raise yaml.constructor.ConstructorError(None, None, "a key that is no string", node.start_mark)
        if len(set(keys)) < len(keys):
            raise yaml.constructor.ConstructorError(None, None, "one key given twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_str)  # type: ignore[type-var]


def yaml_of(text: str, file: str) -> dict[str, Any]:
    """The tables of a YAML file. Raises ConfigError, whose message repeats nothing of the file."""
    line, why = 0, "a table of tables is expected"
    try:
        tables = yaml.load(text, _Loader)  # noqa: S506  a SafeLoader
        if tables is None:
            return {}
        if isinstance(tables, dict):
            return tables
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark
        line, why = (mark.line + 1 if mark else 0), "not YAML"
        if isinstance(error, yaml.constructor.ConstructorError) and error.problem in _OURS:
            why = str(error.problem)
    except (yaml.YAMLError, RecursionError, ValueError):
        why = "not YAML"
    raise ConfigError([Problem(file, line, "", why, code="error.config.syntax")])


_OURS = ("a key that is no string", "one key given twice")
