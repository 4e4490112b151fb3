package edge

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"filo/internal/ids"
	"filo/internal/observable"
	"filo/internal/spool"
	"filo/internal/watch"
	"filo/internal/wire"
)

func (a *Agent) cursor() uint64 { return atomic.LoadUint64(&a.state.Cursor) }

// Apply takes changes from the node: what to watch for is on disk before the
// look-back runs and the node is told.
func (a *Agent) Apply(page wire.ChangesPage) error {
	if a.broken != nil {
		return a.broken
	}
	var events []wire.Event
	changed := false
	news := page.Next > a.cursor()
	for _, c := range page.Changes {
		if c.Seq <= a.cursor() {
			continue
		}
		switch c.Kind {
		case wire.ChangeAlert:
			var al wire.Alert
			if err := json.Unmarshal(c.Payload, &al); err != nil {
				a.c.Log.Warn("alert not understood", "seq", c.Seq, "err", err)
				break
			}
			if !ids.Valid(string(al.ID)) {
				a.c.Log.Warn("alert without a right id", "seq", c.Seq)
				break
			}
			if err := a.watch(al); err != nil {
				return err
			}
			changed = true
			ans, err := a.lookBack(al)
			if err != nil {
				return err
			}
			events = append(events, a.event(wire.EventAnswer, ans))
			a.c.Heard("alert", al.Code)
		case wire.ChangeRecall:
			var r wire.Recall
			if err := json.Unmarshal(c.Payload, &r); err != nil {
				a.c.Log.Warn("recall not understood", "seq", c.Seq, "err", err)
				break
			}
			// Without an agreement in force the same recalls come again and again.
			had, err := a.unwatch(r)
			if err != nil {
				return err
			}
			if had {
				news, changed = true, true
				a.c.Heard("recall", string(r.Alert))
			}
		case wire.ChangeHunt:
			var h wire.Hunt
			if err := json.Unmarshal(c.Payload, &h); err != nil {
				a.c.Log.Warn("hunt not understood", "seq", c.Seq, "err", err)
				break
			}
			ans, err := a.hunt(h)
			if err != nil {
				return err
			}
			if ans != nil {
				events = append(events, a.event(wire.EventHunt, ans))
				a.c.Heard("hunt", string(h.ID))
			}
		case wire.ChangeRelease:
			var r wire.Release
			if err := json.Unmarshal(c.Payload, &r); err != nil {
				a.c.Log.Warn("release not understood", "seq", c.Seq, "err", err)
				break
			}
			if lines := a.release(r); lines != nil {
				lines.Lines = fit(lines.Lines)
				events = append(events, a.event(wire.EventLines, lines))
			}
		case wire.ChangeSettings:
			var s wire.Settings
			if err := json.Unmarshal(c.Payload, &s); err != nil {
				a.c.Log.Warn("settings not understood", "seq", c.Seq, "err", err)
				break
			}
			a.state.Settings = s
			a.applySettings(s)
		}
	}
	if !news {
		return nil
	}
	// First what is watched for, then what is told, then the cursor: a crash in
	// between fetches the same changes again, and repeats the same answers.
	if changed {
		if err := a.list.Save(); err != nil {
			return err
		}
		a.watched()
	}
	if err := a.saveState(); err != nil {
		return err
	}
	next := max(page.Next, a.cursor())
	events = append(events, a.event(wire.EventApplied, wire.Applied{Seq: next}))
	if err := a.spool.Append(events...); err != nil {
		return err
	}
	atomic.StoreUint64(&a.state.Cursor, next)
	a.poke()
	return a.saveState()
}

// What one event holds at most: the queue takes 1 MiB, and an answer that it
// does not take would hold up everything that comes after.
const (
	maxSeen  = 1000 // indicators of an alert; the node reads no more
	maxEvent = 900 << 10
)

// fit gives the lines that one event holds, as they are written in JSON.
func fit(lines []string) []string {
	size := 0
	for i, l := range lines {
		b, _ := json.Marshal(l)
		if size += len(b) + 1; size > maxEvent {
			return lines[:i]
		}
	}
	return lines
}

// look asks the look-back; where a file of it turns out damaged it is set aside
// and what is left answers.
func (a *Agent) look(entries []watch.Entry, now time.Time) (Hunted, error) {
	got, err := hunt(a.history, a.finder.Seed, entries, now)
	if !errors.Is(err, spool.ErrDamaged) {
		return got, err
	}
	if err := a.history.Check(); err != nil {
		return got, err
	}
	a.c.Log.Warn("look-back damaged, set aside", "files", a.history.Health().Damaged)
	got, err = hunt(a.history, a.finder.Seed, entries, now)
	if errors.Is(err, spool.ErrDamaged) {
		a.c.Log.Error("a part of the look-back cannot be asked", "err", err)
		err = nil
	}
	return got, err
}

// lookBack asks the look-back whether an alert's indicators were seen.
func (a *Agent) lookBack(al wire.Alert) (wire.Answer, error) {
	now := a.c.Clock.Now()
	var entries []watch.Entry
	for _, i := range al.Indicators {
		if v, err := observable.Parse(i.Kind, i.Value); err == nil { // what is not understood was logged by watch
			entries = append(entries, watch.Entry{Value: v, Name: string(i.ID)})
		}
	}
	got, err := a.look(entries, now)
	if err != nil {
		return wire.Answer{}, err
	}
	ans := wire.Answer{Alert: al.ID, From: got.Cover.From, Until: got.Cover.Until, Logs: got.Cover.Logs, Lines: got.Cover.Lines}
	if ans.From.IsZero() {
		ans.From = now
	}
	if len(got.Refused) > 0 {
		a.c.Log.Warn("indicators that the look-back cannot be asked", "alert", al.Code, "what", got.Refused)
	}
	for _, f := range got.Found[:min(len(got.Found), maxSeen)] {
		ans.Seen = append(ans.Seen, wire.Seen{Indicator: ids.ID(f.Name), Count: int(f.Count), First: f.First, Last: f.Last, Log: f.Log})
	}
	return ans, nil
}

// statusFile holds what the agent last said of itself, for `filo agent status`.
const statusFile = "status.json"

// status tells the node how the agent is, and keeps it for the people at the machine.
func (a *Agent) status() {
	h := a.history.Health()
	s := wire.Status{
		Version: a.c.Version, System: runtime.GOOS + "/" + runtime.GOARCH, Host: hostname(), Spooled: a.spool.Len(),
		Live: a.list.Len(), Started: a.started, At: a.c.Clock.Now(), Evicted: a.engine.Evicted + a.engine.Counters().Evicted,
		HistoryBytes: h.Bytes, HistoryEvicted: h.Evicted, Damaged: append(h.Damaged, a.keeper.Damaged...),
	}
	if p := a.disk.Load(); p != nil {
		s.Disk = *p
	}
	for _, f := range a.sources {
		f.stat.Checks = f.now.list(time.Duration(a.offset.Load()))
		f.stat.Score = score(f.stat.Checks)
		s.Sources = append(s.Sources, f.stat)
	}
	if b, err := json.MarshalIndent(s, "", "  "); err == nil {
		if err := spool.WriteFile(filepath.Join(a.c.State, statusFile), b); err != nil {
			a.trouble(err)
		}
	}
	if err := a.spool.Append(a.event(wire.EventStatus, s)); err != nil {
		a.trouble(err)
		return
	}
	a.told = a.c.Clock.Now()
	a.poke()
}

// LastStatus gives what the agent whose folder is dir last said of itself.
func LastStatus(dir string) (wire.Status, error) {
	var s wire.Status
	b, err := os.ReadFile(filepath.Join(dir, statusFile))
	if err != nil {
		return s, fmt.Errorf("no agent has run with the folder %s: %w", dir, err)
	}
	return s, json.Unmarshal(b, &s)
}
