"""The embedded cluster: made, started, found again, killed, refused; in every awkward place."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from app.db import postgres
from app.db.cluster import Cluster
from app.db.postgres import Installation
from app.errors import ClusterError

from .conftest import Make

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make folders that others cannot enter")


def ask(cluster: Cluster, statement: str, role: Any = "owner") -> Any:
    """The first value that a statement answers, committed."""
    with contextlib.closing(psycopg2.connect(cluster.psql_uri(role))) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        value = cursor.fetchone()
        connection.commit()
        assert value is not None
        return value[0]


def remember(cluster: Cluster) -> None:
    ask(cluster, "CREATE TABLE kept AS SELECT 42 AS answer; SELECT answer FROM kept")


def remembers(cluster: Cluster) -> bool:
    return bool(ask(cluster, "SELECT answer FROM kept") == 42)


def test_up_makes_what_the_product_needs_and_down_leaves_nothing_behind(make_new: Make) -> None:
    cluster = make_new(throw_away=False)
    assert not cluster.is_running()
    assert cluster.up() is True
    assert cluster.up() is False  # found again
    assert "POINT(1 2)" in ask(cluster, "SELECT ST_AsText(ST_Point(1, 2))", "app")
    assert ask(cluster, "SHOW data_checksums") == "on"
    assert [ask(cluster, f"SHOW {name}") for name in ("fsync", "full_page_writes", "synchronous_commit")] == ["on"] * 3
    assert ask(cluster, "SHOW listen_addresses") == ""
    assert ask(cluster, "SELECT datcollate FROM pg_database WHERE datname = 'quietude'") == "C.UTF-8"
    assert ask(cluster, "SELECT count(*) FROM spatial_ref_sys", "app") > 1000
    socket_dir = cluster.socket_dir()
    assert socket_dir.stat().st_mode & 0o777 == 0o700
    assert cluster.down() is True
    assert cluster.down() is False
    assert not cluster.is_running()
    assert not socket_dir.exists()


def test_roles_are_as_weak_as_promised(make: Make) -> None:
    cluster = make()
    cluster.up()
    powers = "SELECT bool_or(rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb) FROM pg_roles"
    assert ask(cluster, f"{powers} WHERE rolname IN ('quietude_owner', 'quietude_app')") is False
    assert ask(cluster, "SELECT pg_has_role('quietude_owner', 'quietude_app', 'MEMBER')") is True
    assert ask(cluster, "SELECT pg_has_role('quietude_app', 'quietude_owner', 'MEMBER')") is False
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'quietude'"
    assert ask(cluster, owner) == "quietude_owner"
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        ask(cluster, "CREATE TABLE mine (); SELECT 1", "app")


def test_a_restart_keeps_the_data(make: Make) -> None:
    cluster = make()
    cluster.up()
    remember(cluster)
    cluster.down()
    cluster.up()
    assert remembers(cluster)


def test_the_server_is_never_root_and_nobody_else_may_connect(make: Make) -> None:
    cluster = make()
    cluster.up()
    pid = cluster.server_pid()
    assert pid is not None
    assert Path(f"/proc/{pid}").stat().st_uid != 0
    rules = ask(
        cluster, "SELECT string_agg(DISTINCT type || ' ' || auth_method, ',') FROM pg_hba_file_rules", "superuser"
    )
    assert rules == "local peer"
    people = "SELECT count(*) FROM pg_ident_file_mappings WHERE sys_name NOT IN ('root', %s)"
    assert ask(cluster, people.replace("%s", f"'{Path(f'/proc/{pid}').owner()}'"), "superuser") == 0


@needs_root
def test_a_folder_that_only_root_may_enter(make_new: Make, folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    cluster = make_new(closed / "deep" / "var", throw_away=False)
    cluster.up()
    remember(cluster)
    assert (closed / "deep/var/postgres/PG_VERSION").exists()
    # Backends, a checkpoint, a new log segment and a reload of the configuration all still find the directory.
    assert ask(cluster, "SELECT pg_reload_conf()", "superuser") is True
    assert ask(cluster, "SELECT count(*) FROM pg_file_settings WHERE error IS NOT NULL", "superuser") == 0
    ask(cluster, "CREATE TABLE many AS SELECT g FROM generate_series(1, 200000) g; SELECT 1")
    with contextlib.closing(cluster.connect("quietude")) as connection, connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute("SELECT pg_switch_wal()")
    pid = cluster.server_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    cluster.up()
    assert remembers(cluster)
    assert ask(cluster, "SELECT count(*) FROM many") == 200_000


def test_a_path_too_long_for_a_socket(make_new: Make, folder: Path) -> None:
    cluster = make_new(folder / ("x" * 200) / ("y" * 200) / "var")
    cluster.up()
    assert len(str(cluster.socket_dir())) < 60
    assert ask(cluster, "SELECT 1") == 1


def test_spaces_quotes_and_accents_in_the_path(make_new: Make, folder: Path) -> None:
    cluster = make_new(folder / 'Métropole d\'Amiens $HOME; "espace" %20' / "var")
    cluster.up()
    assert ask(cluster, "SELECT 1") == 1


def test_a_moved_checkout_keeps_its_data(make: Make, folder: Path) -> None:
    cluster = make(folder / "before" / "var")
    cluster.up()
    remember(cluster)
    cluster.down()
    (folder / "before").rename(folder / "after")
    moved = make(folder / "after" / "var")
    moved.up()
    assert remembers(moved)


def test_a_running_cluster_is_found_after_its_folder_was_moved(make: Make, folder: Path) -> None:
    cluster = make(folder / "before" / "var")
    cluster.up()
    remember(cluster)
    (folder / "before").rename(folder / "after")
    moved = make(folder / "after" / "var")
    assert moved.up() is False
    assert remembers(moved)


def test_after_kill_9_of_the_server_nothing_is_lost(make: Make) -> None:
    cluster = make(throw_away=False)
    cluster.up()
    remember(cluster)
    with contextlib.closing(psycopg2.connect(cluster.psql_uri("owner"))):  # a session that outlives the server a little
        pid = cluster.server_pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert cluster.up() is True
    assert remembers(cluster)


def test_after_kill_9_of_every_process_nothing_is_lost(make: Make) -> None:
    cluster = make(throw_away=False)
    cluster.up()
    remember(cluster)
    pid = cluster.server_pid()
    assert pid is not None
    for process in children(pid):
        # The server ends the others itself once one of them died so.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    assert cluster.up() is True
    assert remembers(cluster)


def children(parent: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def test_a_stale_pid_file_whose_number_is_now_another_process(make: Make) -> None:
    cluster = make(throw_away=False)
    cluster.up()
    remember(cluster)
    pid = cluster.server_pid()
    assert pid is not None
    pid_file = cluster.data_dir / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    os.kill(pid, signal.SIGKILL)
    # A live process of the same account, as a reused number would be after a reboot.
    user = postgres.server_user(cluster.data_dir)
    other = subprocess.Popen(["sleep", "60"], **user.run_options())  # type: ignore[call-overload]
    try:
        pid_file.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        assert not cluster.is_running()
        assert cluster.up() is True
        assert remembers(cluster)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("content", ["", "12", "no number\n/x\n1\n5432\n/tmp\n\n", "999999999\n/x\n1\n5432\n/tmp\n\n"])
def test_a_damaged_pid_file_is_no_obstacle(make: Make, content: str) -> None:
    cluster = make()
    cluster.up()
    remember(cluster)
    cluster.down()
    (cluster.data_dir / "postmaster.pid").write_text(content)
    assert not cluster.is_running()
    assert cluster.up() is True
    assert remembers(cluster)


def _up(var_dir: Path, answers: Any) -> None:
    try:
        answers.put(Cluster(var_dir).up())
    except ClusterError as error:
        answers.put(str(error))


def test_two_starts_at_once_make_one_cluster(make_new: Make, folder: Path) -> None:
    cluster = make_new()
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    both = [context.Process(target=_up, args=(cluster.var_dir, answers)) for _ in range(3)]
    for process in both:
        process.start()
    said = [answers.get(timeout=60) for _ in both]
    for process in both:
        process.join()
    answers.close()
    answers.join_thread()
    assert sorted(said) == [False, False, True]
    assert ask(cluster, "SELECT 1") == 1


def test_initdb_cut_short_is_done_again(make_new: Make) -> None:
    cluster = make_new()
    half = cluster.var_dir / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("15\n")
    cluster.up()
    assert ask(cluster, "SELECT 1") == 1
    assert not half.exists()


def test_bootstrap_cut_short_is_completed(make: Make) -> None:
    cluster = make()
    cluster.up()
    with contextlib.closing(cluster.connect("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute("DROP DATABASE quietude")
        cursor.execute("DROP ROLE quietude_owner")
    cluster.up()
    assert "POINT" in ask(cluster, "SELECT ST_AsText(ST_Point(1, 2))")


@pytest.mark.parametrize("major", [9, 13, 99])
def test_data_of_another_major_version_is_one_line(make: Make, major: int) -> None:
    cluster = make()
    cluster.up()
    cluster.down()
    version = cluster.data_dir / "PG_VERSION"
    before = version.read_text()
    version.write_text(f"{major}\n")
    with pytest.raises(
        ClusterError, match=rf"was made by PostgreSQL {major}, .*apt install postgresql-{major}-postgis-3$"
    ):
        cluster.up()
    version.write_text(before)
    assert cluster.up() is True


def test_no_postgis_is_one_line(make_new: Make) -> None:
    with pytest.raises(ClusterError, match=r"^no PostgreSQL server on this machine; install it with: apt install"):
        make_new(installations=[]).up()
    bare = Installation(Path("/usr/lib/postgresql/15/bin"), 15, has_postgis=False)
    with pytest.raises(ClusterError, match=r"^no PostGIS on this machine; .*apt install postgresql-15-postgis-3$"):
        make_new(installations=[bare]).up()


def test_the_newest_with_postgis_makes_and_the_same_major_opens() -> None:
    old, new, bare = (Installation(Path(f"/{major}"), major, has_postgis=major != 17) for major in (15, 16, 17))
    installed = [bare, new, old]
    assert postgres.choose_installation(installed, Path("/x"), None) == new
    assert postgres.choose_installation(installed, Path("/x"), 15) == old
    with pytest.raises(ClusterError, match="PostgreSQL 17 has no PostGIS here"):
        postgres.choose_installation(installed, Path("/x"), 17)


def test_somebody_elses_files_are_not_a_cluster(make_new: Make) -> None:
    cluster = make_new()
    cluster.data_dir.mkdir(parents=True)
    (cluster.data_dir / "letters.txt").write_text("mine")
    with pytest.raises(ClusterError, match="holds something that is not a PostgreSQL cluster"):
        cluster.up()
    assert (cluster.data_dir / "letters.txt").read_text() == "mine"


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 25 MB: less than a new cluster needs."""
    place = folder / "disk"
    place.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=25m", "none", place], check=False).returncode
    ):
        pytest.skip("mounting a small file system needs root and the right to mount")
    yield place
    # Not lazily: a server that still runs on it would go on unseen.
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_one_line_when_made_and_when_started(small_disk: Path, make_new: Make) -> None:
    with pytest.raises(ClusterError, match=r"is full$"):
        make_new(small_disk / "var").up()
    assert not (small_disk / "var/postgres").exists()
    subprocess.run(["mount", "-o", "remount,size=120m", small_disk], check=True)
    cluster = make_new(small_disk / "var")
    cluster.up()
    remember(cluster)
    cluster.down()
    filling = small_disk / "filling"
    with contextlib.suppress(OSError), filling.open("wb") as file:
        while True:
            file.write(bytes(1 << 16))
    with pytest.raises(ClusterError, match=r"is full$"):
        cluster.up()
    filling.unlink()
    cluster.up()
    assert remembers(cluster)


@needs_root
def test_a_socket_directory_of_somebody_else_is_refused(make: Make) -> None:
    cluster = make()
    path = cluster.socket_dir()
    path.mkdir(mode=0o700)
    try:
        os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
        with pytest.raises(ClusterError, match="must be a private directory of"):
            cluster.up()
    finally:
        shutil.rmtree(path)


@needs_root
def test_a_link_in_place_of_the_socket_directory_is_refused(make: Make, folder: Path) -> None:
    cluster = make()
    path = cluster.socket_dir()
    path.symlink_to(folder)
    try:
        with pytest.raises(ClusterError, match="must be a private directory of"):
            cluster.up()
    finally:
        path.unlink()


@needs_root
def test_root_does_not_write_through_a_link_laid_by_the_server_account(make: Make, folder: Path) -> None:
    cluster = make()
    cluster.up()
    cluster.down()
    precious = folder / "precious"
    precious.write_text("root's own")
    for name in ("server.log", "pg_hba.conf.new"):
        (cluster.data_dir / name).unlink(missing_ok=True)
        (cluster.data_dir / name).symlink_to(precious)
    with pytest.raises(ClusterError, match=r"server\.log"):
        cluster.up()
    (cluster.data_dir / "server.log").unlink()
    cluster.up()
    assert precious.read_text() == "root's own"
    assert precious.stat().st_uid == 0


@needs_root
def test_root_runs_the_server_as_the_owner_of_the_folder(make_new: Make, folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    var_dir = folder / "theirs"
    var_dir.mkdir()
    os.chown(var_dir, nobody.pw_uid, nobody.pw_gid)
    cluster = make_new(var_dir)
    cluster.up()
    assert cluster.data_dir.owner() == "nobody"
    assert Path(f"/proc/{cluster.server_pid()}").owner() == "nobody"
    # And that owner, without root, stops and starts the very same cluster.
    code = "import sys; from pathlib import Path; from app.db.cluster import Cluster; c = Cluster(Path(sys.argv[1]))"
    for call, said in (("c.down()", "True"), ("c.up()", "True")):
        done = as_nobody(f"{code}; print({call})", str(var_dir))
        assert (done.stdout.strip(), done.stderr) == (said, "")
    assert cluster.is_running()


def as_nobody(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python code of the product as another account, which may not be able to enter this checkout."""
    checkout = Path(__file__).parents[2]
    probe = subprocess.run(["test", "-r", str(checkout / "wsgi.py")], check=False, user="nobody", group="nogroup")
    interpreter = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if probe.returncode or interpreter is None:
        pytest.skip("another account cannot read this checkout")
    site_packages = Path(psycopg2.__file__).parents[1]
    return subprocess.run(
        [interpreter, "-c", code, *arguments],
        check=False,
        capture_output=True,
        text=True,
        user="nobody",
        group="nogroup",
        extra_groups=[],
        cwd=checkout,
        env={"PYTHONPATH": f"{checkout}:{site_packages}", "PYTHONDONTWRITEBYTECODE": "1"},
    )


@needs_root
def test_a_plain_user_is_told_whose_data_it_is(make: Make) -> None:
    cluster = make()
    cluster.up()
    code = "import sys; from pathlib import Path; from app.db.cluster import Cluster; Cluster(Path(sys.argv[1])).up()"
    done = as_nobody(code, str(cluster.var_dir))
    last = done.stderr.strip().splitlines()[-1]
    assert "ClusterError" in last
    assert "as its owner, or as root" in last


def test_the_log_does_not_grow_for_ever(make: Make) -> None:
    cluster = make()
    cluster.up()
    cluster.down()
    with (cluster.data_dir / "server.log").open("ab") as log:
        log.truncate(11_000_000)
    cluster.up()
    assert (cluster.data_dir / "server.log").stat().st_size < 1_000_000


def test_down_ends_open_transactions(make: Make) -> None:
    cluster = make()
    cluster.up()
    connection = psycopg2.connect(cluster.psql_uri("owner"))
    connection.cursor().execute("CREATE TABLE never (); SELECT pg_sleep(0)")
    start = time.monotonic()
    assert cluster.down() is True
    assert time.monotonic() - start < 30  # not the minute after which it would be forced
    connection.close()
