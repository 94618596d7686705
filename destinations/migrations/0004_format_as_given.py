from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("destinations", "0003_checks_and_expiring_credentials")]

    operations = [
        migrations.AddField(
            model_name="destination",
            name="format",
            field=models.CharField(default="json", editable=False, max_length=10),
        ),
    ]
