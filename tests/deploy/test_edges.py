"""What the edges that run JavaScript make of a request, by Node."""

import json
import subprocess
from shutil import which
from typing import Any

from tests.deploy.accepts import SPELLED
from utils.worker_pool import ROOT

CDN = ROOT / "deploy" / "cdn"
URL = "https://cdn.example/images/cup.jpg?w=60&utm_source=x&format=auto&sig=s"


def by_node(script: str, *values: Any) -> Any:
    """What an ES module prints as JSON."""
    node = which("node")
    assert node, "node is not installed"
    argv = [node, "--input-type=module", "-e", script, *map(json.dumps, values)]
    return json.loads(subprocess.run(argv, capture_output=True, check=True, text=True).stdout)


def test_cloudflare_spells_accept_in_three_ways() -> None:
    module = (CDN / "cloudflare.js").as_uri()
    script = f"""import {{ spelled }} from {json.dumps(module)};
    console.log(JSON.stringify(JSON.parse(process.argv[1]).map(spelled)))"""
    assert by_node(script, list(SPELLED)) == list(SPELLED.values())


def test_cloudflare_keeps_one_answer_for_each_spelling() -> None:
    module = (CDN / "cloudflare.js").as_uri()
    script = f"""import worker from {json.dumps(module)};
    const kept = new Map(), asked = [];
    globalThis.caches = {{ default: {{
      match: async (key) => kept.get(key.url)?.clone(), put: async (key, answer) => kept.set(key.url, answer) }} }};
    globalThis.fetch = async (url, init) => {{
      asked.push([`${{url}}`, init.headers.Accept]);
      return new Response("x", {{ headers: {{ Vary: "Accept" }} }}); }};
    const answers = [];
    for (const accept of JSON.parse(process.argv[1])) {{
      const pending = [];
      const request = new Request(JSON.parse(process.argv[2]), {{ headers: {{ Accept: accept }} }});
      const answer = await worker.fetch(request, {{}}, {{ waitUntil: (one) => pending.push(one) }});
      await Promise.all(pending);
      answers.push([answer.status, answer.headers.get("Vary"), await answer.text()]);
    }}
    console.log(JSON.stringify({{ asked, answers, vary: [...kept.values()].map((one) => one.headers.get("Vary")) }}))"""
    done = by_node(script, list(SPELLED), URL)
    pare = "https://cdn.example/images/cup.jpg?format=auto&sig=s&w=60"
    assert sorted(done["asked"]) == sorted([pare, accept] for accept in set(SPELLED.values()))
    assert done["answers"] == [[200, "Accept", "x"]] * len(SPELLED)
    assert done["vary"] == [None] * 3


def test_cloudfront_spells_accept_in_three_ways() -> None:
    template = (CDN / "cloudfront.yaml").read_text()
    code = template.partition("FunctionCode: |\n")[2].partition("\n  Key:")[0]
    script = (
        code
        + """
    const [accepts, query] = process.argv.slice(1).map(JSON.parse);
    const event = (accept) => ({ request: { headers: { accept: { value: accept } }, querystring: query } });
    console.log(JSON.stringify(accepts.map((accept) => handler(event(accept)).headers.accept.value)))"""
    )
    assert by_node(script, list(SPELLED), {"format": {"value": "auto"}}) == list(SPELLED.values())
    assert by_node(script, list(SPELLED), {"preset": {"value": "card"}}) == list(SPELLED.values())
    assert set(by_node(script, list(SPELLED), {"format": {"value": "avif"}})) == {"*/*"}
