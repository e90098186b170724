import django.db.models.deletion
import stationmaster.store.rows
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('operators', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='adminlink',
            name='operator',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='adminlink',
            name='role',
            field=stationmaster.store.rows.AsciiField(blank=True, default='', max_length=20),
        ),
    ]
