"""A Singer target for SQLite on the Meltano SDK's own SQL target, rows replaced by their key."""

from __future__ import annotations

from singer_sdk import SQLConnector, SQLSink
from singer_sdk import typing as th
from singer_sdk.sql import SQLTarget


class SQLiteConnector(SQLConnector):
    allow_temp_tables = False
    allow_column_alter = False
    allow_merge_upsert = True

    def get_sqlalchemy_url(self, config):
        return f"sqlite:///{config['path']}"


class SQLiteSink(SQLSink):
    connector_class = SQLiteConnector
    max_size = 1000

    @property
    def schema_name(self):
        return None

    def generate_insert_statement(self, full_table_name, schema):
        statement = super().generate_insert_statement(full_table_name, schema)
        if isinstance(statement, str):
            return statement.replace("INSERT INTO", "INSERT OR REPLACE INTO", 1)
        return statement.prefix_with("OR REPLACE")


class SQLiteTarget(SQLTarget):
    name = "target-sqlite-sdk"
    default_sink_class = SQLiteSink
    config_jsonschema = th.PropertiesList(
        th.Property("path", th.StringType, required=True)
    ).to_dict()


if __name__ == "__main__":
    SQLiteTarget.cli()
