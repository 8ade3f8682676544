"""A provider behind TLS that speaks HTTP/2, as all large ones are: nginx in front of the mock."""

import os
import shutil
import subprocess

from rig import free_port, say

NGINX = """\
worker_processes 1;
worker_rlimit_nofile {files};
pid {dir}/secure.pid;
error_log {dir}/secure.log warn;
events {{ worker_connections {files}; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
        listen {address} ssl http2;
        ssl_certificate {dir}/provider.pem;
        ssl_certificate_key {dir}/provider.key;
        location / {{
            proxy_pass http://{mock};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 10m;
        }}
    }}
}}
"""


class Front:
    """Where the provider is, and the file of the authority that vouches for it."""

    def __init__(self, process, authority):
        self.address, self.authority, self.memory = process.address, authority, process.memory


def openssl(rig, *words):
    subprocess.run(["openssl", *words], cwd=rig.dir, check=True, capture_output=True)


def front(rig, mock, files):
    """Starts one that may have so many open files; None where nginx or openssl is missing."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if not nginx or not shutil.which("openssl"):
        say("nginx or openssl is not installed: the provider has neither TLS nor HTTP/2")
        return None
    openssl(rig, *"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=loadtest -keyout ca.key -out ca.pem".split())
    openssl(rig, *"req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout provider.key -out provider.csr".split())
    (rig.dir / "names").write_text("subjectAltName=DNS:localhost\n")
    sign = "x509 -req -days 2 -in provider.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names"
    openssl(rig, *sign.split(), "-out", "provider.pem")
    address = f"127.0.0.1:{free_port()}"
    conf = rig.dir / "secure.conf"
    conf.write_text(NGINX.format(dir=rig.dir, mock=mock.address, address=address, files=files))
    command = [nginx, "-p", rig.dir, "-c", conf, "-g", "daemon off;"]
    return Front(rig.start("nginx", command, address, None), rig.dir / "ca.pem")
