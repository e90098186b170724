"""Pictures beside words. Owns: which there are, by their names in Tabler's set; `make assets` draws one file of them all."""

from typing import Final

ICONS: Final = frozenset(
    """
    activity activity-heartbeat adjustments alert-circle alert-triangle api archive armchair armchair-2 arrow-back-up
    arrow-down arrow-left arrow-right arrow-up arrows-shuffle arrows-split arrows-up-down ban bell bolt book box briefcase
    building building-bank building-community building-skyscraper calendar calendar-due calendar-event calendar-stats cash
    chart-area chart-bar chart-dots chart-histogram chart-infographic chart-line chart-pie check checkbox checklist checks
    chevron-down chevron-left chevron-right chevron-up circle circle-check circle-dashed circle-dot circle-minus circle-plus
    circle-x clipboard clipboard-check clipboard-list clock clock-hour-4 clock-pause clock-play cloud cloud-upload code coin
    coins columns columns-3 command copy credit-card dashboard database device-desktop device-laptop dots dots-vertical
    download edit exchange external-link eye eye-off file file-diff file-dollar file-export file-import file-invoice
    file-text filter flag flask folder forms gauge git-branch git-compare git-pull-request grid-dots grip-vertical hand-stop
    heartbeat help help-circle hierarchy hierarchy-2 history home hourglass id id-badge id-badge-2 inbox info-circle key
    keyboard language layout-dashboard layout-grid layout-list link list list-check list-details list-numbers loader lock
    lock-access lock-open lock-square login logout logs mail mail-forward mail-opened map-pin menu-2 message minus moon
    network note notes package packages pencil player-pause player-play player-stop plug plug-connected plug-connected-x
    plus point progress progress-check question-mark radar receipt receipt-2 recycle refresh refresh-alert replace report
    report-analytics report-money robot rocket rotate rotate-clockwise route route-2 ruler-2 scale search seedling send
    server server-2 server-bolt server-cog settings share shield shield-check shield-lock shield-x sitemap sort-ascending
    sort-descending stack-2 star subtask sun sun-moon swimming switch-horizontal table table-options tag target target-arrow
    terminal terminal-2 test-pipe ticket timeline timeline-event toggle-left tool tools traffic-lights transfer trash
    trending-up upload user user-check user-circle user-cog user-exclamation user-minus user-off user-plus user-question
    user-search user-share user-shield user-up user-x users users-group users-minus users-plus variable wallet webhook wifi
    world x zoom-check zoom-in zoom-question
    """.split()  # noqa: SIM905  one a line would be two hundred
)
