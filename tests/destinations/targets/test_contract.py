"""What every target keeps to, whichever it is."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from django.template.loader import render_to_string
from hypothesis import given, settings
from hypothesis import strategies as st

from destinations.outcome import DeliveryError
from destinations.records import Record
from destinations.targets import Context, Target, TargetForm, all_targets, get_target, target_choices
from tests.destinations.targets.samples import BY_KEYS, DEMO, SECRET, make_record

EVERY = pytest.mark.parametrize("slug", list(all_targets()))
NOWHERE = "http://127.0.0.1:9"


def config_of(slug: str, *, by_keys: bool = False) -> dict[str, str]:
    config = dict(DEMO[slug].config)
    return {**config, **BY_KEYS} if by_keys and "auth" in config else config


def secrets_of(slug: str) -> dict[str, str]:
    return dict.fromkeys(all_targets()[slug].form_class.secret_fields, SECRET)


def form_of(slug: str, data: dict[str, str], **stored: dict[str, str]) -> TargetForm:
    return all_targets()[slug].form_class({f"target-{name}": value for name, value in data.items()}, **stored)


@pytest.fixture
def opened(slug: str) -> Iterator[Target]:
    """Where nobody listens, with a secret that must not show."""
    context = Context("ac_external", NOWHERE, NOWHERE, NOWHERE)
    target = all_targets()[slug](config_of(slug, by_keys=True), secrets_of(slug), context)
    yield target
    target.close()


def test_targets_are_found_by_module_name() -> None:
    assert list(all_targets()) == ["azure_logs_ingestion", "cloudwatch_logs", "datadog", "firehose", "kinesis"]
    assert target_choices()[0] == ("azure_logs_ingestion", "Azure Monitor")
    assert get_target("carrier_pigeon") is None


@EVERY
def test_target_presents_itself(slug: str) -> None:
    target = all_targets()[slug]

    assert target.label
    assert target.summary.endswith(".")
    assert len(target.describe(config_of(slug))) > 10
    assert target.describe({})
    assert slug in DEMO


@EVERY
def test_form_round_trip_keeps_the_configuration(slug: str) -> None:
    for by_keys in (False, True):
        config = config_of(slug, by_keys=by_keys)
        form = form_of(slug, config | secrets_of(slug))

        assert form.is_valid(), form.errors
        assert form.config() == config
        again = form_of(slug, form.config(), stored=form.config(), stored_secrets=form.secrets())
        assert again.is_valid(), again.errors
        assert (again.config(), again.secrets()) == (form.config(), form.secrets())


@EVERY
def test_resource_leads_back_to_the_configuration_and_holds_no_secret(slug: str) -> None:
    target = all_targets()[slug]
    for by_keys in (False, True):
        config = config_of(slug, by_keys=by_keys)
        resource = target.resource(config | secrets_of(slug))

        assert SECRET not in str(resource)
        given = {name: value for name, value in target.form_data(resource).items() if value}
        form = form_of(slug, given | secrets_of(slug))
        assert form.is_valid(), form.errors
        assert form.config() == config


@EVERY
def test_resource_has_every_key_of_the_api(slug: str) -> None:
    creds = {"aws_access_key_id": BY_KEYS["aws_access_key_id"], "aws_secret_access_key": ""}
    auth = {"role": None, "creds": creds}
    wanted: dict[str, dict[str, Any]] = {
        "kinesis": {"auth": auth, "stream_arn": ..., "partition_key": ...},
        "firehose": {"auth": auth, "delivery_stream_arn": ...},
        "cloudwatch_logs": {"auth": auth, "log_group_arn": ...},
        "datadog": {"api_key": "", "ddtags": ..., "service": ..., "ddsite": ...},
        "azure_logs_ingestion": {
            "tenant_id": ...,
            "client_id": ...,
            "client_secret": "",
            "logs_ingestion_uri": ...,
            "data_collection_rule_id": ...,
            "data_collection_stream_name": ...,
        },
    }
    resource = all_targets()[slug].resource(config_of(slug, by_keys=True))

    assert resource.keys() == wanted[slug].keys()
    assert all(value in (..., resource[name]) for name, value in wanted[slug].items())


@EVERY
def test_secret_is_in_no_repr_and_no_message(slug: str, opened: Target) -> None:
    shown = [repr(opened), repr(opened.context), str(opened.describe(opened.config))]
    for act in (lambda: opened.send([make_record()]), *(step.run for step in opened.test_steps(make_record()))):
        try:
            shown.append(repr(act()))
        except DeliveryError as error:
            shown += [repr(error), str(error), repr(error.__dict__)]

    assert len(shown) > 4
    assert SECRET not in " ".join(shown)


@EVERY
def test_steps_are_known_before_they_run(opened: Target) -> None:
    labels = [step.label for step in opened.test_steps(make_record())]

    assert labels[0] == "Configuration"
    assert labels[-1] == "Write one record"
    assert len(set(labels)) == len(labels)


@EVERY
def test_send_of_nothing_asks_nobody(opened: Target) -> None:
    assert list(opened.pack([])) == []
    assert opened.send([]).rejections == ()


@EVERY
@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.floats(0, 1), max_size=40), many=st.sampled_from([0, 0, 1200]))
def test_pack_keeps_to_the_limits_and_loses_nothing(slug: str, sizes: list[float], many: int) -> None:
    target = all_targets()[slug](config_of(slug), {}, Context(""))
    limits = target.limits
    largest = [int(share * limits.max_record_bytes) for share in sizes]
    records = [make_record(number)._replace(data=b"x" * max(size, 2)) for number, size in enumerate(largest)]
    records += [make_record(number) for number in range(many)]

    runs = list(target.pack(records))
    target.close()

    assert sorted(id(record) for run in runs for record in run) == sorted(map(id, records))
    for run in runs:
        assert 0 < len(run) <= limits.max_records
        assert sum(len(record.data) + limits.overhead_bytes for record in run) <= limits.max_bytes


@EVERY
@pytest.mark.parametrize("stored", [False, True])
def test_form_template_shows_every_field_and_no_secret(slug: str, stored: bool) -> None:
    config, secrets = config_of(slug, by_keys=True), secrets_of(slug)
    form = form_of(slug, config | secrets, **({"stored": config, "stored_secrets": secrets} if stored else {}))
    form.is_valid()

    html = render_to_string(f"destinations/targets/{slug}_form.html", {"form": form})

    for field in form:
        assert f'name="{field.html_name}"' in html
        assert str(field.label) in html
    assert SECRET not in html
    assert ("Stored, ends in" in html) is stored
    assert "<script" not in html
    assert "style=" not in html


def test_record_carries_what_addressing_needs() -> None:
    record = make_record(1)

    assert isinstance(record, Record)
    assert orjson.loads(record.data)["event_id"] == record.event_id
