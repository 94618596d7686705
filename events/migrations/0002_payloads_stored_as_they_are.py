from django.db import migrations


def store_as_it_is(apps, schema_editor):
    """Payloads are compressed already: PostgreSQL need not try again, which costs more than storing them."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE events_eventbatch ALTER COLUMN payload SET STORAGE EXTERNAL")


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [migrations.RunPython(store_as_it_is, migrations.RunPython.noop)]
