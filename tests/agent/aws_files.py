"""Config files as they are found on people's machines, and worse. Each is written to and must lose nothing."""

from __future__ import annotations

BOM = b"\xef\xbb\xbf"
PLAIN = b"[default]\nregion = eu-central-1\noutput = json\n"

CORPUS: dict[str, bytes] = {
    "empty": b"",
    "plain": PLAIN,
    "comments": b"# mine\n; and mine\n[default]\n# inside\nregion = x ; no comment to botocore\n\n\n# at the end\n",
    "crlf": PLAIN.replace(b"\n", b"\r\n"),
    "old mac": PLAIN.replace(b"\n", b"\r"),
    "mixed endings": b"[default]\r\nregion = x\noutput = json\r\n\n[profile b]\nregion = y\r\n",
    "byte order mark": BOM + PLAIN,
    "byte order mark alone": BOM,
    "no newline at the end": PLAIN.rstrip(b"\n"),
    "blank lines at the end": PLAIN + b"\n\n\n",
    "dots and hashes in names": b"[profile a.b#c]\nregion = x\n[profile media.x]\nregion = y\n[profile x;y]\n",
    "names like ours": b"[profile media-archive-2]\nregion = x\n[profile Media-Archive]\n[media-archive]\nx = z\n",
    "quoted names": b'[profile "my name"]\nregion = x\n[profile other\\ name]\n',
    "sso": b"[sso-session corp]\nsso_region = x\nsso_start_url = https://c/#/\n[profile p]\nsso_session = corp\n",
    "services": b"[services local]\ns3 =\n  endpoint_url = http://127.0.0.1:1\n[profile l]\nservices = local\n",
    "nested": b"[default]\ns3 =\n    max_concurrent_requests = 20\n    region = not a region\nregion = x\n",
    "continued": b"[profile c]\nrole_arn = arn:aws:iam::1:role/\n  continued\n",
    "other tools": (
        b"# BEGIN some-tool managed block\n[profile tool]\ncredential_process = tool --x 'a b'\n# END some-tool\n"
        b"[plugins]\ncli_legacy_plugin_path = /opt\n[preview]\nx = true\n"
    ),
    "includes": b"[include]\npath = ~/.aws/work\n\n[profile granted]\ngranted_sso_region = x\n",
    "latin-1": b"# f\xfcr alle\n[profile m\xe4dia]\nregion = x\n",
    "unclosed": b"[profile broken\nregion = x\n[default]\nregion = y\n",
    "indented": b"  [default]\n  region = x\n\t[profile tab]\n",
    "keys without a section": b"region = x\n[default]\n",
    "200 profiles": b"".join(b"[profile p%d]\nregion = x\n# %d\n\n" % (number, number) for number in range(200)),
}
