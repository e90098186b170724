"""`stationmaster target export`, at both desks."""

from pathlib import Path

import yaml

from cli.nouns.kit import SECRET, Cli


def test_the_file_is_data_and_the_rest_is_talk(cli: Cli) -> None:
    """On stdout stands the file and nothing else; on stderr where the secret has to be put; the secret on neither."""
    cli.routing()
    done = cli("target", "export", "kong", "--pool", "main")
    (document,) = yaml.safe_load_all(done.out)
    assert document["_info"] == {"select_tags": ["stationmaster"]}
    assert "a → DECK_STATIONMASTER_A" in done.err
    assert SECRET not in done.out + done.err


def test_programs_get_all_of_it_in_one_object(cli: Cli) -> None:
    """JSON holds the text, where secrets are put and who is left out; leaving somebody out is exit 3."""
    cli.credential("a")
    cli.credential("b")
    cli("credential", "disable", "b")
    made = cli.json("target", "export", "envoy", "--credential", "a", "--credential", "b", "--namespace", "ai", code=3)
    assert [(each["name"], each["place"]) for each in made["secrets"]] == [("a", "ai/stationmaster-a")]
    assert [(each["name"], each["why"]) for each in made["left_out"]] == [("b", "It is switched off.")]
    assert "kind: AIServiceBackend" in made["text"]


def test_an_empty_file_is_never_written(cli: Cli, tmp_path: Path) -> None:
    """Where nobody can be in it, no file is printed or written, and it is said why: applied, it would take away what is there."""
    cli.credential("b", "--disabled")
    done = cli("target", "export", "kong", "--credential", "b", "--file", str(tmp_path / "kong.yaml"), code=1)
    assert (done.out, list(tmp_path.glob("kong*"))) == ("", [])
    assert "It is switched off." in done.err


def test_it_is_written_to_a_file(cli: Cli, tmp_path: Path) -> None:
    """With --file the text is there, whole, and stdout lists where secrets are put; a folder that is not there is said."""
    cli.routing()
    file = tmp_path / "kong.yaml"
    done = cli("target", "export", "kong", "--pool", "main", "--file", str(file))
    assert "DECK_STATIONMASTER_A" in done.out
    assert file.read_text() == cli("target", "export", "kong", "--pool", "main").out
    assert [each for each in tmp_path.iterdir() if each.name.startswith(".kong")] == []
    assert "cannot be written" in cli("target", "export", "kong", "--pool", "main", "--file", "/nowhere/x", code=2).err


def test_what_cannot_be_exported_is_said(cli: Cli) -> None:
    """Nothing chosen, and a pool that is not there."""
    assert "choose a pool" in cli("target", "export", "kong", code=1).err
    assert "there is no pool" in cli("target", "export", "kong", "--pool", "nobody", code=1).err
    assert cli("target", "export", "helm", "--pool", "main", code=2).out == ""
