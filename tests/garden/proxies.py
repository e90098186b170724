"""The proxies of the garden, as Debian has them: how each is told to stand before a port, and how it is run.

Every one marks what it forwards with the field `x-garden`: the number of marks on a connection is the number of requests
that the proxy believes to have sent there. All of them listen on loopback, keep their files in a temporary folder, and pass
request bodies on as they arrive where they can, which leaves the most to us.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

MARK = b"\r\nx-garden:"

NGINX = """\
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d;
  scgi_temp_path {folder}/e;
  upstream gateway {{ server 127.0.0.1:{door}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://gateway; proxy_http_version 1.1; proxy_next_upstream off;
      proxy_request_buffering off; proxy_buffering off;
      proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_set_header X-Garden nginx;
    }}
  }}
}}
"""
HAPROXY = """\
global
  maxconn 200
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
  retries 0
  option http-keep-alive
  http-reuse always
  {more}
frontend door
  bind 127.0.0.1:{port}
  {lax}
  http-request set-header X-Garden haproxy
  default_backend gateway
backend gateway
  server gateway 127.0.0.1:{door}
"""
VARNISH = """\
vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{door}"; }}
sub vcl_recv {{
  set req.http.X-Garden = "varnish";
  if (req.method == "CONNECT" || req.method == "PRI") {{ return (synth(405)); }}
  return (pass);
}}
"""
SQUID = """\
http_port 127.0.0.1:{port} accel defaultsite=gateway.test no-vhost
cache_peer 127.0.0.1 parent {door} 0 no-query originserver login=PASSTHRU name=gateway
http_access allow all
cache deny all
cache_mem 8 MB
memory_pools off
request_header_add X-Garden squid all
never_direct allow all
pid_filename none
access_log none
cache_log {folder}/cache.log
coredump_dir {folder}
pinger_enable off
netdb_filename none
shutdown_lifetime 0 seconds
max_filedescriptors 1024
"""
LIGHTTPD = """\
server.modules = ("mod_proxy", "mod_setenv")
server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{folder}"
server.errorlog = "{folder}/error.log"
server.upload-dirs = ("{folder}")
server.stream-request-body = 2
server.stream-response-body = 2
setenv.add-request-header = ("X-Garden" => "lighttpd")
proxy.header = ("force-http10" => "disable")
proxy.server = ("" => (("host" => "127.0.0.1", "port" => {door})))
"""


class Proxy(NamedTuple):
    """One proxy: the program, its configuration, its command (`conf`, `folder`, `port`), how its version is asked for."""

    program: str
    conf: str
    command: Callable[[Path, int], list[str]]
    version: list[str]


def _varnish(folder: Path, port: int) -> list[str]:
    return ["varnishd", "-F", "-j", "none", "-n", str(folder / "work"), "-f", str(folder / "conf"),
            "-a", f"127.0.0.1:{port}", "-s", "malloc,16m", "-p", "thread_pools=1", "-p", "thread_pool_min=10"]  # fmt: skip


PROXIES: dict[str, Proxy] = {
    "nginx": Proxy("nginx", NGINX, lambda folder, port: ["nginx", "-p", str(folder), "-c", str(folder / "conf"),
                                                         "-e", str(folder / "error.log")], ["nginx", "-v"]),
    "haproxy": Proxy("haproxy", HAPROXY.replace("{more}", "").replace("{lax}", ""),
                     lambda folder, port: ["haproxy", "-db", "-f", str(folder / "conf")], ["haproxy", "-v"]),
    "haproxy, lax": Proxy("haproxy", HAPROXY.replace("{more}", "").replace("{lax}", "option accept-invalid-http-request"),
                          lambda folder, port: ["haproxy", "-db", "-f", str(folder / "conf")], ["haproxy", "-v"]),
    "varnish": Proxy("varnishd", VARNISH, _varnish, ["varnishd", "-V"]),
    "squid": Proxy("squid", SQUID, lambda folder, port: ["squid", "-N", "-f", str(folder / "conf")], ["squid", "-v"]),
    "lighttpd": Proxy("lighttpd", LIGHTTPD, lambda folder, port: ["lighttpd", "-D", "-f", str(folder / "conf")],
                      ["lighttpd", "-v"]),
}  # fmt: skip


@contextlib.contextmanager
def running(name: str, door: int, folder: Path, port: int) -> Iterator[int]:
    """A proxy before the port `door` for the length of a with block; the port it listens on. Raises AssertionError with what it
    said when it does not begin to listen."""
    proxy = PROXIES[name]
    folder.chmod(0o777)     # squid gives root's rights up
    (folder / "conf").write_text(proxy.conf.format(folder=folder, door=door, port=port))
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(proxy.command(folder, port), stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=folder)
    try:
        _wait(process, port, folder)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 5).close()
            return
        time.sleep(0.05)
    raise AssertionError((folder / "said").read_text())


def version(name: str) -> str:
    """What a proxy calls its version, in one line."""
    done = subprocess.run(PROXIES[name].version, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    return (done.stdout + done.stderr).strip().splitlines()[0]
