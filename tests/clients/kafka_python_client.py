"""Writes records with kafka-python and reads them back: every byte must be the same. Reads them again in a group.

Usage: kafka_python_client.py BOOTSTRAP TOPIC    (the topic exists and is empty)

Where KAFKA_USERNAME and KAFKA_PASSWORD are set, it says by SASL that it is this user: by PLAIN, or by KAFKA_MECHANISM.

Exit status 0 when all is as it was sent, 1 with a message on standard error when not.
"""

import os
import sys
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

DEADLINE_S = 30


def access(bootstrap):
    """How every client reaches the brokers."""
    if "KAFKA_USERNAME" not in os.environ:
        return {"bootstrap_servers": bootstrap}
    return {
        "bootstrap_servers": bootstrap,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": os.environ.get("KAFKA_MECHANISM", "PLAIN"),
        "sasl_plain_username": os.environ["KAFKA_USERNAME"],
        "sasl_plain_password": os.environ["KAFKA_PASSWORD"],
    }


def records():
    """Key, value, timestamp, headers: null, empty, text and every byte there is.

    kafka-python refuses a record without both key and value.
    """
    parts = [None, b"", b"plain", bytes(range(256)) * 40]
    headers = [("twice", b"1"), ("twice", b"\xff\x00"), ("empty", b"")]
    sent = []
    for key in parts:
        for value in parts:
            if key is None and value is None:
                continue
            timestamp = 1_700_000_000_000 - 7 * len(sent)
            sent.append((key, value, timestamp, headers if len(sent) % 2 else []))
    return sent


def write(bootstrap, topic, partitions, codec):
    """Sends all records to each partition; returns them by partition and offset."""
    producer = KafkaProducer(**access(bootstrap), compression_type=codec, linger_ms=20, acks="all")
    futures = []
    for partition in partitions:
        for key, value, timestamp, headers in records():
            future = producer.send(
                topic, key=key, value=value, timestamp_ms=timestamp, headers=headers, partition=partition
            )
            futures.append((future, (key, value, timestamp, headers)))
    producer.flush(timeout=DEADLINE_S)
    sent = {}
    for future, record in futures:
        ack = future.get(timeout=DEADLINE_S)
        position = (ack.partition, ack.offset)
        if position in sent:
            raise SystemExit(f"two records were acknowledged at {position}")
        sent[position] = record
    producer.close()
    return sent


def read(bootstrap, topic, partitions, starts, count):
    """Reads `count` records from the given offsets on; returns them by partition and offset."""
    consumer = KafkaConsumer(**access(bootstrap), enable_auto_commit=False, check_crcs=True)
    assigned = [TopicPartition(topic, partition) for partition in partitions]
    consumer.assign(assigned)
    for tp in assigned:
        consumer.seek(tp, starts[tp.partition])
    seen = {}
    deadline = time.monotonic() + DEADLINE_S
    while len(seen) < count and time.monotonic() < deadline:
        for batch in consumer.poll(timeout_ms=500).values():
            for record in batch:
                headers = [(name, bytes(value)) for name, value in record.headers]
                seen[(record.partition, record.offset)] = (record.key, record.value, record.timestamp, headers)
    ends = consumer.end_offsets(assigned)
    consumer.close()
    return seen, {tp.partition: offset for tp, offset in ends.items()}


def read_as_group(bootstrap, topic, partitions, ends):
    """Reads the whole topic as the only member of a group, commits, and asks what is committed."""
    settings = {"group_id": "python", "auto_offset_reset": "earliest", "enable_auto_commit": False}
    consumer = KafkaConsumer(topic, **access(bootstrap), **settings)
    count = 0
    deadline = time.monotonic() + DEADLINE_S
    while count < sum(ends.values()) and time.monotonic() < deadline:
        count += sum(len(batch) for batch in consumer.poll(timeout_ms=500).values())
    consumer.commit()
    consumer.close()
    consumer = KafkaConsumer(**access(bootstrap), **settings)
    committed = {partition: consumer.committed(TopicPartition(topic, partition)) for partition in partitions}
    consumer.close()
    return committed


def main():
    bootstrap, topic = sys.argv[1].split(","), sys.argv[2]
    consumer = KafkaConsumer(**access(bootstrap))
    partitions = sorted(consumer.partitions_for_topic(topic) or [])
    consumer.close()
    if not partitions:
        raise SystemExit(f"the topic {topic} has no partitions")
    starts = {partition: 0 for partition in partitions}
    for codec in (None, "gzip"):
        sent = write(bootstrap, topic, partitions, codec)
        seen, ends = read(bootstrap, topic, partitions, starts, len(sent))
        if seen != sent:
            wrong = [at for at in sent if seen.get(at) != sent[at]]
            raise SystemExit(f"{codec}: {len(seen)} of {len(sent)} read; first difference at {wrong[:1]}")
        for partition, start in starts.items():
            expected = start + len(sent) // len(partitions)
            if ends[partition] != expected:
                raise SystemExit(f"{codec}: partition {partition} ends at {ends[partition]}, not {expected}")
        starts = ends
        print(f"{codec or 'none'}: {len(sent)} records came back as they were sent")
    committed = read_as_group(bootstrap, topic, partitions, starts)
    if committed != starts:
        raise SystemExit(f"a group has committed {committed} of {starts}")


if __name__ == "__main__":
    main()
