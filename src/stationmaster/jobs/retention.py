"""What is kept of jobs, and for how long. Owns: deleting what is too old."""

import time
from datetime import timedelta
from typing import Final

from django.db.models import Max
from django.db.models.functions import Now

from stationmaster.jobs.models import Job, Pace, Worker

_BATCH: Final = 100            # jobs of one transaction, with all their items and lines
_WORKERS: Final = timedelta(days=1)


def delete_old(days: int) -> int:
    """Delete jobs that ended more than `days` ago, with items and log; how many. The newest of each kind and workspace stays,
    since the workspace's page shows it. Rows of workers that died go after a day, those of pace that nobody needs too."""
    Worker.objects.filter(beat_at__lt=Now() - _WORKERS).delete()
    Pace.objects.filter(next_at__lt=time.time() - _WORKERS.total_seconds()).delete()
    newest = Job.objects.values("kind", "workspace").annotate(newest=Max("id")).values_list("newest", flat=True)
    rows = Job.objects.filter(ended_at__lt=Now() - timedelta(days=days)).exclude(id__in=list(newest))
    old = list(rows.values_list("id", flat=True))
    for start in range(0, len(old), _BATCH):
        Job.objects.filter(id__in=old[start:start + _BATCH]).delete()
    return len(old)
