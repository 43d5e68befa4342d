"""The same job as a Singer tap, written with the Meltano SDK: a partition and a bookmark a link."""

from __future__ import annotations

from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.streams import RESTStream


class QuoteStream(RESTStream):
    name = "quotes"
    path = "/quotes"
    primary_keys = ("link", "id")
    state_partitioning_keys = ("link",)
    replication_key = None
    schema = th.PropertiesList(
        th.Property("link", th.IntegerType, required=True),
        th.Property("id", th.StringType, required=True),
        th.Property("version", th.IntegerType),
        th.Property("status", th.StringType),
        th.Property("changed_at", th.StringType),
        th.Property("number", th.StringType),
        th.Property("plate", th.StringType),
        th.Property("vin", th.StringType),
        th.Property("make", th.StringType),
        th.Property("insured_name", th.StringType),
        th.Property("claim_number", th.StringType),
        th.Property("gross", th.StringType),
        th.Property("body", th.StringType),
    ).to_dict()

    @property
    def url_base(self):
        return self.config["base_url"]

    @property
    def partitions(self):
        return [{"link": link} for link in range(self.config["links"])]

    def request_records(self, context):
        import json

        link = context["link"]
        cursor = self.get_context_state(context)
        position, etag, more = cursor.get("position", 0), cursor.get("etag"), True
        while more:
            headers = {"Authorization": f"Bearer token-{link}"}
            if etag:
                headers["If-None-Match"] = etag
            answer = self.requests_session.get(
                f"{self.url_base}{self.path}?after={position}", headers=headers
            )
            if answer.status_code == 304:
                return
            page = answer.json()
            for quote in page["quotes"]:
                yield {
                    "id": quote["id"],
                    "version": quote["version"],
                    "status": quote["status"],
                    "changed_at": quote["changed_at"],
                    "number": quote["number"],
                    "plate": quote["vehicle"]["plate"],
                    "vin": quote["vehicle"]["vin"],
                    "make": quote["vehicle"]["make"],
                    "insured_name": quote["insured"]["name"],
                    "claim_number": quote["insurer"]["claim_number"],
                    "gross": quote["totals"]["gross"]["amount"],
                    "body": json.dumps(quote),
                }
            more, position = page["more"], int(page["next"])
            etag = None if more else answer.headers["ETag"]
        cursor["position"], cursor["etag"] = position, etag


class QuoteTap(Tap):
    name = "tap-quotes"
    config_jsonschema = th.PropertiesList(
        th.Property("base_url", th.StringType, required=True),
        th.Property("links", th.IntegerType, required=True),
    ).to_dict()

    def discover_streams(self):
        return [QuoteStream(self)]


if __name__ == "__main__":
    QuoteTap.cli()
