"""`Config.load`: flags over variables over defaults, and every mistake told at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiostream import __version__
from radiostream.config import DEFAULT_PASSWORD, SETTINGS, Config, ConfigError, Setting
from radiostream.station_names import RESERVED, route_of, route_problem


def problems_of(argv: list[str], environ: dict[str, str] | None = None) -> list[str]:
    """The lines that `Config.load` refuses `argv` and `environ` with."""
    with pytest.raises(ConfigError) as caught:
        Config.load(argv, environ or {})
    return caught.value.problems


def load(argv: list[str], environ: dict[str, str]) -> tuple[Config | None, list[str]]:
    """The configuration, or at least one problem."""
    try:
        return Config.load(argv, environ), []
    except ConfigError as error:
        return None, error.problems or ["\0refused without a reason"]


def routes_problems(routes: object) -> list[str]:
    """The same, for directory routes."""
    return problems_of([], {"DIRECTORY_ROUTES": json.dumps(routes)})


def test_defaults_are_the_documented_ones() -> None:
    """With nothing given the table of the contract holds."""
    config = Config.load([], {})
    assert (config.port, config.host, config.kbps, config.max_clients) == (8000, "0.0.0.0", 128, 500)
    assert (config.log_level, config.log_format, config.buffer_bytes) == ("info", "text", 65536)
    assert (config.burst_s, config.poll_interval_s, config.state_dir) == (8.0, 2.0, None)
    assert (config.base_path, config.public_url, config.trusted_proxies) == ("", "", ())
    assert (config.status_password, config.default_password, config.sentry_dsn) == (DEFAULT_PASSWORD, True, "")
    assert not config.audio_dir_given
    assert (config.stations_dir, config.config, config.level_lufs, config.trim) == (None, "", None, False)
    assert (config.site_name, config.webhooks, config.webhook_format) == ("Radio", (), "json")
    assert (config.keep_log_months, config.embed_origins) == (24, ("*",))
    assert (config.source_password, config.webhook_secret) == ("", "")
    (station,) = config.stations
    assert (station.route, station.directory, station.family, station.shuffle) == (
        "/",
        Path.cwd() / "audio",
        None,
        False,
    )


def test_flag_beats_variable_beats_default() -> None:
    """Each level hides the one below it."""
    assert Config.load([], {"PORT": "1"}).port == 1
    assert Config.load(["--port", "2"], {"PORT": "1"}).port == 2
    assert Config.load(["--port=2", "--port=3"], {}).port == 3


def test_wrong_variable_does_not_matter_below_a_right_flag() -> None:
    """What is not used is not judged."""
    assert Config.load(["--port", "2"], {"PORT": "none"}).port == 2


@pytest.mark.parametrize("setting", [one for one in SETTINGS if one.has_flag], ids=lambda one: one.name)
def test_empty_variable_counts_as_unset(setting: Setting) -> None:
    """Compose files pass variables that are set but empty."""
    assert Config.load([], {setting.variable: ""}) == Config.load([], {})


@pytest.mark.parametrize(
    ("argv", "field", "value"),
    [
        (["--port", "0"], "port", 0),
        (["--port", "65535"], "port", 65535),
        (["--host", "[::1]"], "host", "::1"),
        (["--host", "localhost"], "host", "localhost"),
        (["--bitrate", " 320 "], "kbps", 320),
        (["--max-clients", "1"], "max_clients", 1),
        (["--max-clients-per-address", "20"], "max_clients_per_address", 20),
        (["--log-level", "WARN"], "log_level", "warning"),
        (["--log-level", "warning"], "log_level", "warning"),
        (["--log-format", "json"], "log_format", "json"),
        (["--buffer-size", "131072"], "buffer_bytes", 131072),
        (["--buffer-size", "4096"], "buffer_bytes", 65536),
        (["--buffer-size", "4194304"], "buffer_bytes", 1 << 20),
        (["--burst", "20"], "burst_s", 20.0),
        (["--burst", "0"], "burst_s", 0.0),
        (["--poll-interval", "0.5"], "poll_interval_s", 0.5),
        (["--state-dir", "/var/lib/radio"], "state_dir", Path("/var/lib/radio")),
        (["--base-path", "radio/"], "base_path", "/radio"),
        (["--base-path", "/a/b"], "base_path", "/a/b"),
        (["--base-path", "/"], "base_path", ""),
        (["--public-url", "https://radio.example.org/live/"], "public_url", "https://radio.example.org/live"),
        (["--public-url", "http://[::1]:8000"], "public_url", "http://[::1]:8000"),
        (["--min-free-disk-mb", "0"], "min_free_disk_mb", 0),
        (["--stations", "/srv/radio"], "stations_dir", Path("/srv/radio")),
        (["--level", "-16"], "level_lufs", -16.0),
        (["--level=-23.5"], "level_lufs", -23.5),
        (["--level", "off"], "level_lufs", None),
        (["--trim"], "trim", True),
        (["--trim", "no"], "trim", False),
        (["--site-name", " Radio\n Nord "], "site_name", "Radio Nord"),
        (
            ["--webhook", "https://a.example/x?y=1,2", "--webhook", "http://b"],
            "webhooks",
            ("https://a.example/x?y=1,2", "http://b"),
        ),
        (["--webhook", "https://a, https://b  https://a"], "webhooks", ("https://a", "https://b")),
        (["--webhook-format", "NTFY"], "webhook_format", "ntfy"),
        (["--keep-log", "1"], "keep_log_months", 1),
        (
            ["--embed-origins", "https://a.example, https://*.b.example:8443"],
            "embed_origins",
            ("https://a.example", "https://*.b.example:8443"),
        ),
        (["--embed-origins", "none"], "embed_origins", ()),
    ],
)
def test_right_values(argv: list[str], field: str, value: object) -> None:
    """A table of flags and what becomes of them."""
    assert getattr(Config.load(argv, {}), field) == value


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--port", "65536"),
        ("--port", "-1"),
        ("--port", "8000.0"),
        ("--port", "8_0"),
        ("--port", "\u0668"),
        ("--port", "9" * 5000),
        ("--host", "a b"),
        ("--host", "http://x/"),
        ("--audio-dir", ""),
        ("--audio-dir", "a\0b"),
        ("--audio-dir", "\ud800"),
        ("--stream-format", "flac"),
        ("--bitrate", "0"),
        ("--max-clients", "0"),
        ("--log-level", "loud"),
        ("--log-format", "xml"),
        ("--buffer-size", "0"),
        ("--buffer-size", "64k"),
        ("--directory-routes", "{"),
        ("--directory-routes", "[]"),
        ("--directory-routes", "[" * 100_000),
        ("--shuffle", "maybe"),
        ("--burst", "nan"),
        ("--burst", "20.5"),
        ("--burst", "-1"),
        ("--poll-interval", "0"),
        ("--poll-interval", "inf"),
        ("--base-path", "/a?b"),
        ("--base-path", "/../x"),
        ("--public-url", "radio.example.org"),
        ("--public-url", "ftp://radio.example.org"),
        ("--public-url", "https://u:p@radio.example.org"),
        ("--public-url", "https://radio.example.org/?a"),
        ("--public-url", "https://radio.example.org:99999"),
        ("--public-url", "https://[::1"),
        ("--public-url", 'https://radio.example.org/"'),
        ("--public-url", "https://radio.example.org\r\nX: y"),
        ("--trusted-proxies", "10.0.0.0/33"),
        ("--trusted-proxies", "proxy.example.org"),
        ("--stations", "a\0b"),
        ("--level", "-9"),
        ("--level", "-30.1"),
        ("--level", "nan"),
        ("--level", "loud"),
        ("--trim", "maybe"),
        ("--site-name", " "),
        ("--webhook-format", "xml"),
        ("--keep-log", "0"),
        ("--embed-origins", "*, https://a.example"),
        ("--embed-origins", "example.org"),
        ("--embed-origins", "https://a.example; script-src *"),
    ],
)
def test_wrong_value_is_one_line_naming_flag_and_variable(flag: str, value: str) -> None:
    """Each wrong value is told on a single line of printable text, by flag and by variable alike."""
    variable = flag[2:].replace("-", "_").upper()
    (line,) = problems_of([f"{flag}={value}"])
    assert line.startswith(f"{flag} ({variable}): ")
    assert line.isprintable()
    assert len(line) < 300
    if value:
        assert problems_of([], {variable: value}) == [line]


def test_every_problem_is_told_at_once() -> None:
    """Flags, variables, stations and the password: nobody has to start the server five times."""
    lines = problems_of(
        ["--port", "x", "--nope", "--burst", "99"],
        {"BITRATE": "x", "STATUS_PASSWORD": "", "DIRECTORY_ROUTES": '{"status": "/x", "a": {"color": "red"}}'},
    )
    for part in ("--port", "--nope", "--burst", "(BITRATE)", "STATUS_PASSWORD", "'status'", "'color'", "'a' needs a"):
        assert sum(part in line for line in lines) == 1, part


def test_unknown_flag_value_is_not_shown() -> None:
    """Who tries `--status-password secret` finds no secret in the log."""
    assert problems_of(["--status-password", "hunter2"]) == ["--status-password: no such option (see --help)"]
    assert problems_of(["--status-password=hunter2"]) == ["--status-password: no such option (see --help)"]
    assert problems_of(["music", "more"]) == ["'more': unexpected argument (see --help)"]


def test_flag_without_its_value() -> None:
    """A flag at the end of the line that wants a value says so; an empty value means none where none is possible."""
    assert problems_of(["--state-dir"]) == ["--state-dir (STATE_DIR): needs a value"]
    assert Config.load(["--state-dir="], {"STATE_DIR": "/x"}).state_dir is None


def test_abbreviations_are_no_flags() -> None:
    """`--audio` today would mean something else when another flag comes."""
    assert problems_of(["--audio", "x"]) == ["--audio: no such option (see --help)"]


def test_what_argparse_refuses_itself() -> None:
    """Its own errors are problems like any other, no exit."""
    (line,) = problems_of(["--help=1"])
    assert "--help" in line


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    """Both print and leave with 0; help names every flag and variable."""
    assert {"--stations", "--config", "--webhook"} <= {setting.flag for setting in SETTINGS if setting.has_flag}
    for flag in ("--help", "--version"):
        with pytest.raises(SystemExit) as left:
            Config.load([flag], {})
        assert left.value.code == 0
    printed = capsys.readouterr().out
    assert __version__ in printed
    for setting in SETTINGS:
        if setting.has_flag:
            assert setting.flag in printed
            assert setting.variable in printed


@pytest.mark.parametrize(
    ("argv", "shuffle"),
    [
        (["--shuffle"], True),
        (["--shuffle", "--port", "1"], True),
        (["--shuffle", "false"], False),
        (["--shuffle=Yes"], True),
        (["--shuffle", "0"], False),
        (["--shuffle", "on"], True),
    ],
)
def test_shuffle(argv: list[str], shuffle: bool) -> None:
    """`--shuffle` alone is true; all the words are understood."""
    assert Config.load(argv, {}).stations[0].shuffle is shuffle


@pytest.mark.parametrize(
    "argv",
    [
        ["music"],
        ["--port", "1", "music"],
        ["music", "--shuffle"],
        ["--shuffle", "music"],
        ["--port=1", "music", "--trim"],
    ],
)
def test_positional_directory(argv: list[str]) -> None:
    """One word is the default station's directory, wherever it stands."""
    config = Config.load(argv, {"AUDIO_DIR": "/hidden"})
    assert config.audio_dir_given
    assert config.stations[0].directory == Path.cwd() / "music"
    assert "--audio-dir" in problems_of([*argv, "--audio-dir", "/m"])[0]


def test_stations_without_a_default_one() -> None:
    """With --stations and no directory of the operator's own there is no station at `/`."""
    assert Config.load(["--stations", "/srv"], {}).stations == ()
    assert [one.route for one in Config.load(["--stations", "/srv", "/m"], {}).stations] == ["/"]
    routes = {"DIRECTORY_ROUTES": '{"a": "/a"}'}
    assert [one.route for one in Config.load(["--stations", "/srv"], routes).stations] == ["/a"]
    (line,) = problems_of(["--stations", "/srv"], {"DIRECTORY_ROUTES": '{"/": {"name": "x"}}'})
    assert "directory" in line


def test_all_that_can_be_said_of_a_station() -> None:
    """An object of the directory routes takes every key of `station.toml`; what it says is known as said."""
    about = {
        "dir": "/a", "homepage": "https://a.example/", "logo": "https://a.example/l.png", "language": "de, pt-BR",
        "country": "de", "level": -16, "trim": True, "timezone": "Europe/Berlin", "hidden": "yes",
        "relay": "http://b.example/live",
    }  # fmt: skip
    station = Config.load(["--level=-20"], {"DIRECTORY_ROUTES": json.dumps({"a": about})}).stations[1]
    assert (station.homepage, station.logo) == ("https://a.example/", "https://a.example/l.png")
    assert (station.language, station.country, station.level_lufs) == ("de,pt-BR", "DE", -16.0)
    assert (station.trim, station.timezone, station.hidden) == (True, "Europe/Berlin", True)
    assert station.relay == "http://b.example/live"
    assert {"directory", "level_lufs", "relay"} <= station.said
    assert "name" not in station.said


def test_config_file(tmp_path: Path) -> None:
    """Flags' names as keys; flags and variables beat it; what is wrong in it is told with the rest."""
    file = tmp_path / "radiostream.toml"
    file.write_text(
        'port = 1234\nburst = 4.5\nshuffle = true\nsite-name = "Nord"\nwebhook = ["http://a", "http://b"]\n'
        'bitrate = 64\ntrusted-proxies = ["10.0.0.0/8", "::1"]\n[directory-routes]\nhumor = "/h"\n'
        '[directory-routes.rock]\ndir = "/r"\nlevel = -18\n'
    )
    config = Config.load(["--config", str(file), "--port", "1"], {"BITRATE": "96"})
    assert (config.port, config.kbps, config.burst_s, config.site_name) == (1, 96, 4.5, "Nord")
    assert (config.webhooks, len(config.trusted_proxies)) == (("http://a", "http://b"), 2)
    assert [(one.route, one.shuffle, one.level_lufs) for one in config.stations[1:]] == [
        ("/humor", True, None),
        ("/rock", True, -18.0),
    ]
    file.write_text('prot = 1\nport = "x"\nburst = [1]\nconfig = "y"\n')
    lines = problems_of([], {"CONFIG": str(file)})
    assert [sum(word in line for line in lines) for word in ("'prot'", "--port (PORT)", "burst", "'config'")] == [1] * 4


@pytest.mark.parametrize("content", [b"port =", b"\xff", b"a = " + b"[" * 5000])
def test_broken_config_file(tmp_path: Path, content: bytes) -> None:
    """One line that names the file and, where TOML is to blame, the line in it."""
    file = tmp_path / "c.toml"
    file.write_bytes(content)
    (line,) = problems_of(["--config", str(file)])
    assert line.startswith("--config (CONFIG): ")
    assert line.isprintable()
    (missing,) = problems_of(["--config", str(tmp_path / "none")])
    assert "No such file" in missing


def test_secrets(tmp_path: Path) -> None:
    """The broadcasters' password and the webhooks' key come as the operator's does, but may be missing."""
    file = tmp_path / "secret"
    file.write_text("s1\n")
    config = Config.load([], {"SOURCE_PASSWORD_FILE": str(file), "WEBHOOK_SECRET": "s2"})
    assert (config.source_password, config.webhook_secret) == ("s1", "s2")
    assert "s1" not in repr(config)
    assert "s2" not in repr(config)
    assert problems_of([], {"SOURCE_PASSWORD": "a\nb"})


def test_deleted_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is then told, an absolute one needs none."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert "no longer exists" in problems_of([])[0]
    assert Config.load(["/music"], {}).audio_dir_given


def test_directory_routes() -> None:
    """A directory alone, or an object that says more; what it leaves open comes from the settings of all."""
    routes = {
        "humor": "/h",
        "/90s-rock/": {"dir": "/r", "genre": "Rock", "description": "Loud", "format": "OGG", "shuffle": False},
        "a/b": {"dir": "/ab", "name": "Two\nlines\x1b[31m", "shuffle": "yes"},
    }
    config = Config.load(["--shuffle", "--stream-format", "aac"], {"DIRECTORY_ROUTES": json.dumps(routes)})
    main, humor, rock, nested = config.stations
    assert (main.route, main.name, main.family, main.shuffle) == ("/", "Main", "aac", True)
    assert (humor.route, humor.directory, humor.name, humor.shuffle) == ("/humor", Path("/h"), "Humor", True)
    assert (rock.route, rock.name, rock.genre, rock.description) == ("/90s-rock", "90s rock", "Rock", "Loud")
    assert (rock.family, rock.shuffle) == ("ogg", False)
    assert (nested.route, nested.name, nested.shuffle) == ("/a/b", "Two lines [31m", True)


def test_default_station_may_be_described() -> None:
    """The route `/` names the default station, and gives it a directory unless --audio-dir does."""
    named = Config.load(["--audio-dir", "/m"], {"DIRECTORY_ROUTES": '{"/": {"name": "Mine"}}'})
    assert [(one.name, one.directory) for one in named.stations] == [("Mine", Path("/m"))]
    placed = Config.load([], {"DIRECTORY_ROUTES": '{"h": "/h", "/": "/m"}'})
    assert placed.audio_dir_given
    assert [one.directory for one in placed.stations] == [Path("/m"), Path("/h")]
    (line,) = problems_of(["--audio-dir", "/m"], {"DIRECTORY_ROUTES": '{"/": "/n"}'})
    assert "--audio-dir (AUDIO_DIR)" in line
    assert problems_of(["--audio-dir", "/m"], {"DIRECTORY_ROUTES": '{"/": 3}'})


def test_audio_dir_given() -> None:
    """The demo rule needs to know whether the directory is the operator's choice."""
    assert Config.load(["--audio-dir", "./audio"], {}).audio_dir_given
    assert Config.load([], {"AUDIO_DIR": "/x"}).audio_dir_given


@pytest.mark.parametrize(
    "routes",
    [
        {"humor": 3},
        {"humor": ["/h"]},
        {"humor": {}},
        {"humor": {"dir": ""}},
        {"humor": {"dir": 3}},
        {"humor": {"dir": "/h", "format": "wav"}},
        {"humor": {"dir": "/h", "shuffle": 3}},
        {"humor": {"dir": "/h", "name": {"x": "y"}}},
        {"humor": {"dir": "/h", "nmae": "x"}},
        {"humor": "/h", "/humor/": "/i"},
        {"humor": "/h", "humor.mp3": "/i"},
        {"humor.m3u8": "/h", "humor": "/i"},
        {"status": "/h"},
        {"hls/x": "/h"},
        {"../x": "/h"},
        {"a//b": "/h"},
        {".hidden": "/h"},
        {"a?b": "/h"},
        {"a#b": "/h"},
        {"a%0d%0ab": "/h"},
        {"a%2e%2e/b%ff": "/h"},
        {"a\u202eb": "/h"},
        {"a\ud800": "/h"},
        {" a": "/h"},
        {"a" * 201: "/h"},
    ],
)
def test_wrong_routes(routes: dict[str, object]) -> None:
    """Each is one line that names the setting, printable whatever the route holds."""
    (line,) = routes_problems(routes)
    assert line.startswith("--directory-routes (DIRECTORY_ROUTES): ")
    assert line.isprintable()


def test_route_written_twice_in_the_same_words() -> None:
    """JSON's own rule, the last one wins, would hide a station."""
    (line,) = problems_of([], {"DIRECTORY_ROUTES": '{"a": "/x", "a": "/y"}'})
    assert "same station" in line


@pytest.mark.parametrize("first", sorted(RESERVED))
def test_the_servers_own_paths_are_taken(first: str) -> None:
    """No station can hide a page, nor sit below one."""
    assert "taken" in route_problem(f"/{first}")
    assert "taken" in route_problem(f"/{first}/x")


@pytest.mark.parametrize(
    "name", ["humor", "a/b", "90s-rock_v1.5", "Радио", "हिन्दी", "Cafe\u0301", "a b", "main", "R&B", "rock'n'roll"]
)
def test_good_routes(name: str) -> None:
    """Words of any script, nested or not; both spellings of an accent are one route."""
    assert route_problem(route_of(name)) == ""
    assert route_of(name) == route_of(f"/{name}/")
    assert route_of("Cafe\u0301") == route_of("Caf\u00e9")


def test_what_the_default_station_is_called() -> None:
    """`main` in URLs, but not where that is another station's route."""
    assert [one.stem for one in Config.load([], {"DIRECTORY_ROUTES": '{"a/b": "/x"}'}).stations] == ["main", "a/b"]
    assert [one.stem for one in Config.load([], {"DIRECTORY_ROUTES": '{"main": "/x"}'}).stations] == ["", "main"]


def test_percent_encoded_route() -> None:
    """A route may be written as it stands in a URL."""
    assert Config.load([], {"DIRECTORY_ROUTES": '{"caf%C3%A9": "/c"}'}).stations[1].route == "/caf\u00e9"


def test_trusted_proxies() -> None:
    """Commas or spaces, both families, single addresses, host bits."""
    networks = Config.load(["--trusted-proxies", "10.1.2.3/8, 127.0.0.1 ::1/128,fd00::/8"], {}).trusted_proxies
    assert [str(one) for one in networks] == ["10.0.0.0/8", "127.0.0.1/32", "::1/128", "fd00::/8"]


def test_password(tmp_path: Path) -> None:
    """From its variable, or from a file without the newline at its end."""
    assert Config.load([], {"STATUS_PASSWORD": "s3 cret"}).status_password == "s3 cret"
    file = tmp_path / "password"
    file.write_text("пароль\n")
    config = Config.load([], {"STATUS_PASSWORD_FILE": str(file), "STATUS_PASSWORD": ""})
    assert config.status_password == "пароль"
    assert not config.default_password


@pytest.mark.parametrize("password", ["1234554321", "change-me", "changeme", "password", "Admin", " hackme "])
def test_a_password_that_everybody_knows(password: str) -> None:
    """What examples say and guessers try first is taken, and warned about as the default is."""
    assert Config.load([], {"STATUS_PASSWORD": password}).default_password


def test_files_with_a_byte_order_mark(tmp_path: Path) -> None:
    """Some editors begin a file with U+FEFF, which is no part of a password and of no setting."""
    password, settings = tmp_path / "password", tmp_path / "c.toml"
    password.write_bytes(b"\xef\xbb\xbfopen sesame\r\n")
    settings.write_bytes(b'\xef\xbb\xbfsite-name = "Ours"\r\n')
    config = Config.load(["--config", str(settings)], {"STATUS_PASSWORD_FILE": str(password)})
    assert (config.status_password, config.site_name) == ("open sesame", "Ours")


@pytest.mark.parametrize("content", [b"", b"\n", b" ", b"one\ntwo\n", b"\xff\xfe", b"x" * 2000])
def test_wrong_password_file(tmp_path: Path, content: bytes) -> None:
    """A file that holds no usable password is refused without showing what it holds."""
    file = tmp_path / "password"
    file.write_bytes(content)
    (line,) = problems_of([], {"STATUS_PASSWORD_FILE": str(file)})
    assert line.startswith("STATUS_PASSWORD_FILE: ")
    assert "one" not in line.replace("one line", "")


def test_password_told_twice_or_nowhere(tmp_path: Path) -> None:
    """Two places are a mistake, so is a file that is not there, so is an empty one; never a silent default."""
    missing = str(tmp_path / "none")
    assert "No such file" in problems_of([], {"STATUS_PASSWORD_FILE": missing})[0]
    assert "not both" in problems_of([], {"STATUS_PASSWORD_FILE": missing, "STATUS_PASSWORD": "x"})[0]
    assert problems_of([], {"STATUS_PASSWORD": ""}) == ["STATUS_PASSWORD: must not be empty"]
    assert problems_of([], {"STATUS_PASSWORD_FILE": "a\0b"})


@pytest.mark.parametrize(
    "dsn", ["x", "http://x", "https://key@sentry.example", "https://key@/1", "ftp://key@x/1", "https://key@x:y/1"]
)
def test_wrong_dsn(dsn: str) -> None:
    """Told like every wrong value, before the SDK would fail on it; but not shown, for it holds a key."""
    assert problems_of([], {"SENTRY_DSN": dsn}) == ["SENTRY_DSN: must be like https://key@sentry.example.org/1"]


def test_repr_keeps_secrets() -> None:
    """A configuration that ends up in a log or an error report gives nothing away."""
    config = Config.load([], {"STATUS_PASSWORD": "hunter2", "SENTRY_DSN": "https://key@sentry.example/1"})
    assert config.sentry_dsn == "https://key@sentry.example/1"
    assert "hunter2" not in repr(config)
    assert "key@" not in repr(config)


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), max_size=4), st.dictionaries(st.sampled_from(SETTINGS), st.text(max_size=30)))
def test_nothing_but_config_error(argv: list[str], said: dict[Setting, str]) -> None:
    """Whatever the words are: a configuration, or lines that can be printed; help and version leave politely."""
    environ = {setting.variable: text for setting, text in said.items()}
    polite = [text for text in argv if not text.startswith(("-h", "--help", "--version"))]
    assert all(line.isprintable() for line in load(polite, environ)[1])


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=9),
        lambda inner: st.dictionaries(st.text(max_size=9), inner, max_size=4),
    )
)
def test_any_json_as_routes(value: object) -> None:
    """Any JSON: stations whose routes differ and are valid, or lines that can be printed."""
    config, problems = load([], {"DIRECTORY_ROUTES": json.dumps(value)})
    assert all(line.isprintable() for line in problems)
    routes = [station.route for station in config.stations] if config else []
    assert len(set(routes)) == len(routes)
    assert not any(map(route_problem, routes))
