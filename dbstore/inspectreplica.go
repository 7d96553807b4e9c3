package dbstore

import (
	"fmt"
	"time"

	"github.com/larder-go/larder/store"
)

// replication asks for what a primary knows of its standbys, and a standby of itself. Who may not see more than that there is a standby sees NULL.
const replication = `
	(SELECT count(*)::text FROM pg_stat_replication WHERE coalesce(state, 'streaming') IN ('streaming', 'catchup')),
	(SELECT count(*)::text FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')),
	(SELECT count(*)::text FROM pg_stat_replication WHERE state IS NULL),
	(SELECT (extract(epoch FROM max(replay_lag)) * 1000)::bigint::text FROM pg_stat_replication),
	(SELECT count(*)::text FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT active),
	current_setting('synchronous_standby_names', true),
	(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint::text,`

// largestLag is how far a standby may be behind before that is worth a warning of its own.
const largestLag = 10 * time.Second

// replicas tells what a failover loses.
func (a *answers) replicas() store.Fact {
	f := store.Fact{Name: "replication"}
	if a.text[askedRecovery] == "true" {
		if f.Value = "a standby"; a.told[askedReplayed] {
			f.Value = fmt.Sprintf("a standby; the last it has replayed was written %v ago", a.millis(askedReplayed))
		}
		return f
	}
	standbys, hidden, slots := a.number(askedStandbys), a.number(askedHidden) > 0, a.number(askedSlots)
	waits := a.text[askedSyncNames] != "" // commits do, for a standby
	switch {
	case standbys < 0:
		f.Value, f.Warn = "unknown", "the server does not tell of its standbys"
		return f
	case standbys == 0:
		f.Value = "no standby"
	case standbys == 1:
		f.Value = "1 standby"
	default:
		f.Value = fmt.Sprintf("%d standbys", standbys)
	}
	if standbys > 0 {
		f.Value += map[bool]string{true: ", synchronous", false: ", asynchronous"}[waits]
		if hidden {
			f.Value += "; how far behind is told to members of pg_monitor"
		} else {
			f.Value += fmt.Sprintf(", %v behind", a.millis(askedLag))
		}
	}
	commit := a.text[askedCommit]
	switch {
	case waits && a.number(askedSynchronous) == 0 && !hidden && commit != "local" && commit != "off":
		f.Warn = "no synchronous standby is connected: every write waits for one, and fails by its time-out; start it, or empty synchronous_standby_names"
	case slots > 0:
		f.Warn = fmt.Sprintf("%d standbys that have a slot are not connected, and the server keeps all WAL for them until its disk is full: start them, or drop "+
			"their slots (pg_replication_slots)", slots)
	case standbys > 0 && a.millis(askedLag) > largestLag:
		f.Warn = "a standby is far behind: a failover now would lose all that was written since; see its log, and pg_stat_replication"
	case waits && (commit == "local" || commit == "off"):
		f.Warn = "synchronous_commit=" + commit + " has commits not wait for the standby: a failover loses what it had not received"
	case standbys > 0 && !waits:
		f.Warn = "a standby follows with a delay: a failover loses the last writes, and undoes the last removals, logouts among them; with " +
			"synchronous_standby_names it loses none"
	}
	return f
}

func (a *answers) millis(column int) time.Duration {
	return time.Duration(max(0, a.number(column))) * time.Millisecond
}
