"""A REST proxy that shares no code with landfall: the produce call of API v2 for JSON, on aiohttp and confluent-kafka.

Usage: rest_proxy.py BOOTSTRAP [drop|duplicate|lose-keys]

Prints the port that it listens at. With a fault it strikes every 20th record; `GET /struck` says how many that were.
"""

import asyncio
import json
import sys
import threading

from aiohttp import web
from confluent_kafka import Producer

CONTENT_TYPE = "application/vnd.kafka.json.v2+json"
ANSWER_TYPE = "application/vnd.kafka.v2+json"
EVERY = 20


class Proxy:
    def __init__(self, bootstrap, fault):
        self.producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 2, "acks": "all"})
        self.fault = fault
        self.records = 0
        self.struck = 0
        self.last = (0, 0)

    def poll(self):
        while True:
            self.producer.poll(1)

    def send(self, topic, key, value):
        """The promise of a record's place."""
        loop = asyncio.get_running_loop()
        written = loop.create_future()

        def delivered(error, message):
            if error is not None:
                loop.call_soon_threadsafe(written.set_exception, RuntimeError(str(error)))
            else:
                place = (message.partition(), message.offset())
                loop.call_soon_threadsafe(written.set_result, place)

        self.producer.produce(topic, value=value, key=key, on_delivery=delivered)
        return written

    async def produce(self, request):
        if request.content_type != CONTENT_TYPE:
            return web.json_response({"error_code": 415, "message": "unsupported"}, status=415)
        topic = request.match_info["topic"]
        body = json.loads(await request.read())
        sent = []
        for record in body["records"]:
            key, value = (encoded(record.get(name)) for name in ("key", "value"))
            self.records += 1
            strikes = self.fault is not None and self.records % EVERY == 0
            if strikes and self.fault == "lose-keys" and key is None:
                strikes = False
            self.struck += strikes
            if strikes and self.fault == "drop":
                sent.append(None)
                continue
            if strikes and self.fault == "lose-keys":
                key = None
            sent.append(self.send(topic, key, value))
            if strikes and self.fault == "duplicate":
                await self.send(topic, key, value)
        offsets = []
        for written in sent:
            if written is not None:
                self.last = await written
            # Whoever drops a record says that it stands where another does.
            partition, offset = self.last
            offsets.append({"partition": partition, "offset": offset, "error_code": None, "error": None})
        answer = {"key_schema_id": None, "value_schema_id": None, "offsets": offsets}
        return web.json_response(answer, content_type=ANSWER_TYPE)

    async def count(self, _request):
        return web.Response(text=str(self.struck))


def encoded(value):
    if value is None:
        return None
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


async def main():
    proxy = Proxy(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    app = web.Application(client_max_size=1 << 26)
    app.add_routes([web.post("/topics/{topic}", proxy.produce), web.get("/struck", proxy.count)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    threading.Thread(target=proxy.poll, daemon=True).start()
    await asyncio.Event().wait()


asyncio.run(main())
