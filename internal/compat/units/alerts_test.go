package units

import (
	"maps"
	"slices"
	"testing"
)

const hour, day = 60, 24 * 60 // minutes

// outcome is how a run ended.
type outcome struct {
	code         int
	backlog, lag float64
}

// reports adds what a host's metrics file says, each minute from its first run on, where one begins every half hour and ended tells how it ended.
func (h *history) reports(host string, from, to int, ended func(minute int) outcome) {
	pairs := []string{"instance", host, "job", "node", "store", "postgres://db/app"}
	run, success := -1, 0.0 // 0 is what the file says before the first success
	var last outcome
	for m := from; m <= to; m++ {
		if (m-from)%30 == 0 {
			if o := ended(m); o.code >= 0 { // else it did not run
				run, last = m, o
				if o.code == 0 {
					success = float64(h.at(m).Unix())
				}
			}
		}
		if run < 0 {
			continue
		}
		h.add(m, float64(h.at(run).Unix()), "larder_cleanup_last_run_timestamp_seconds", pairs...)
		h.add(m, success, "larder_cleanup_last_success_timestamp_seconds", pairs...)
		h.add(m, float64(last.code), "larder_cleanup_exit_code", pairs...)
		if last.code == 11 { // it did not even look
			continue
		}
		h.add(m, last.backlog, "larder_cleanup_backlog_entries", pairs...)
		h.add(m, last.lag, "larder_cleanup_lag_seconds", pairs...)
	}
}

func always(o outcome) func(int) outcome { return func(int) outcome { return o } }

const notRun = -1

// TestAlertsFire plays what happens to deployments, for two days, and demands the alerts that must fire then, and no other.
func TestAlertsFire(t *testing.T) {
	const end = 2 * day
	well := outcome{lag: 40 * 60}
	for name, test := range map[string]struct {
		play func(h *history)
		want map[string]int // and not before this minute
	}{
		"all is well": {play: func(h *history) { h.reports("a", 0, end, always(well)) }},
		"three hosts, one works at a time": {play: func(h *history) {
			for i, host := range []string{"a", "b", "c"} {
				h.reports(host, i, end, func(minute int) outcome {
					if minute/30%2 == i { // the third never comes to work
						return well
					}
					return outcome{code: 11}
				})
			}
		}},
		"one run fails": {play: func(h *history) {
			h.reports("a", 0, end, func(minute int) outcome {
				if minute == 10*hour {
					return outcome{code: 1}
				}
				return well
			})
		}},
		"a shutdown ends one run": {play: func(h *history) {
			h.reports("a", 0, end, func(minute int) outcome {
				if minute == 10*hour {
					return outcome{code: 130}
				}
				return well
			})
		}},
		"the timer is gone": {
			play: func(h *history) {
				h.reports("a", 0, end, func(minute int) outcome {
					if minute > 10*hour {
						return outcome{code: notRun}
					}
					return well
				})
			},
			want: map[string]int{"LarderCleanupNotSucceeding": 16 * hour},
		},
		"nothing has ever run": {play: func(*history) {}, want: map[string]int{"LarderCleanupMissing": 2 * hour}},
		"every run fails": {
			play: func(h *history) {
				h.reports("a", 0, end, func(minute int) outcome {
					if minute > 10*hour {
						return outcome{code: 1}
					}
					return well
				})
			},
			want: map[string]int{"LarderCleanupFailing": 10*hour + 45, "LarderCleanupNotSucceeding": 16 * hour},
		},
		"the first run never gets through": {
			play: func(h *history) {
				h.reports("a", 0, end, func(minute int) outcome { return outcome{code: 12, backlog: float64(end - minute)} })
			},
			want: map[string]int{"LarderCleanupNeverSucceeded": 6 * hour},
		},
		"more expires than is removed": {
			play: func(h *history) {
				h.reports("a", 0, end, func(minute int) outcome {
					if minute > 10*hour {
						return outcome{code: 12, backlog: float64(minute) * 1000, lag: 3600}
					}
					return well
				})
			},
			want: map[string]int{"LarderCleanupBacklogGrowing": 13 * hour, "LarderCleanupNotSucceeding": 16 * hour},
		},
		"a flood is worked off within hours": {play: func(h *history) {
			h.reports("a", 0, end, func(minute int) outcome {
				if minute > 10*hour && minute < 13*hour {
					return outcome{code: 12, backlog: float64(13*hour-minute) * 10_000, lag: 3 * 3600}
				}
				return well
			})
		}},
		"entries are due for more than a day": {
			play: func(h *history) { h.reports("a", 0, end, always(outcome{lag: 30 * 3600})) },
			want: map[string]int{"LarderCleanupLate": 2 * hour},
		},
		"a CronJob that works": {play: func(h *history) {
			h.reports("a", 0, end, always(well))
			h.cronJob(end, func(minute int) int { return minute - minute%30 })
		}},
		"a CronJob whose jobs fail": {
			play: func(h *history) {
				h.reports("a", 0, end, always(well))
				h.cronJob(end, func(minute int) int { return min(minute, 10*hour) })
			},
			want: map[string]int{"LarderCleanupJobNotSucceeding": 16 * hour},
		},
		"a CronJob that never worked": {
			play: func(h *history) {
				h.reports("a", 0, end, always(well))
				h.cronJob(end, func(int) int { return -1 })
			},
			want: map[string]int{"LarderCleanupJobMissing": 6 * hour},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory()
			test.play(h)
			got := h.firing(t, end)
			if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(test.want))) {
				t.Errorf("there fire %v, want %v", got, test.want)
			}
			for alert, minute := range test.want {
				if at := got[alert]; at < minute || at > minute+hour {
					t.Errorf("%s fires at minute %d, want within the hour after %d", alert, at, minute)
				}
			}
		})
	}
}

// cronJob adds what kube-state-metrics says, where success tells the minute of the last success at a minute, and -1 that there was none.
func (h *history) cronJob(end int, success func(minute int) int) {
	pairs := []string{"namespace", "shop", "cronjob", "larder-cleanup"}
	for m := range end + 1 {
		h.add(m, float64(h.start.Unix()), "kube_cronjob_created", pairs...)
		if at := success(m); at >= 0 {
			h.add(m, float64(h.at(at).Unix()), "kube_cronjob_status_last_successful_time", pairs...)
		}
	}
}
