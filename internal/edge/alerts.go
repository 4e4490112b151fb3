package edge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"filo/internal/ids"
	"filo/internal/observable"
	"filo/internal/spool"
	"filo/internal/watch"
	"filo/internal/wire"
)

// alertsDir holds the alerts that are watched for, a file each. They are read
// when one is taken back; what of them is a value is in the watch list.
const alertsDir = "alerts"

// oldAlertsFile held them all in the first version.
const oldAlertsFile = "alerts.json"

func (a *Agent) alertPath(id ids.ID) string {
	return filepath.Join(a.c.State, alertsDir, string(id)+".json")
}

// moveAlerts brings what the first version kept into files of their own.
func (a *Agent) moveAlerts() error {
	if err := os.MkdirAll(filepath.Join(a.c.State, alertsDir), 0o700); err != nil {
		return err
	}
	old := a.state.Alerts
	path := filepath.Join(a.c.State, oldAlertsFile)
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(b, &old); err != nil {
			return fmt.Errorf("%s is damaged: %w", path, err)
		}
	}
	for _, al := range old {
		if err := a.putAlert(al); err != nil {
			return err
		}
	}
	a.state.Alerts = nil
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (a *Agent) putAlert(al wire.Alert) error {
	if !ids.Valid(string(al.ID)) { // it becomes the name of a file
		return fmt.Errorf("alert %q has no right id", al.ID)
	}
	b, err := json.Marshal(al)
	if err != nil {
		return err
	}
	return spool.WriteFile(a.alertPath(al.ID), b)
}

// alert gives one that is watched for.
func (a *Agent) alert(id ids.ID) (al wire.Alert, ok bool, err error) {
	if !ids.Valid(string(id)) {
		return al, false, nil
	}
	b, err := os.ReadFile(a.alertPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return al, false, nil
	}
	if err != nil {
		return al, false, err
	}
	if err := json.Unmarshal(b, &al); err != nil {
		return al, false, fmt.Errorf("%s is damaged: %w", a.alertPath(id), err)
	}
	return al, true, nil
}

// openList opens the watch list and makes it say what the alerts say, when it was
// damaged or a crash came between the two.
func (a *Agent) openList() error {
	list, damaged, err := watch.Open(filepath.Join(a.c.State, "watch"), a.finder.Seed)
	if err != nil {
		return err
	}
	a.list = list
	if damaged {
		a.c.Log.Warn("watch list damaged, made anew from the alerts")
	}
	if !damaged && a.state.Watched != nil && *a.state.Watched == list.Len() {
		return nil
	}
	files, err := os.ReadDir(filepath.Join(a.c.State, alertsDir))
	if err != nil {
		return err
	}
	var bad error
	err = list.Replace(func(yield func(watch.Entry) bool) {
		for _, f := range files {
			id, ok := strings.CutSuffix(f.Name(), ".json")
			if !ok {
				continue
			}
			al, _, err := a.alert(ids.ID(id))
			bad = errors.Join(bad, err)
			for _, i := range al.Indicators {
				if !a.understood(i) {
					continue
				}
				if !yield(entryOf(al.ID, i)) {
					return
				}
			}
		}
	})
	a.watched()
	return errors.Join(bad, err)
}

// watched writes down that the list on disk says what the alerts say.
func (a *Agent) watched() {
	n := a.list.Len()
	a.state.Watched = &n
}

// entryOf names an indicator "alert/indicator/until", so that a hit needs no
// other look-up.
func entryOf(alert ids.ID, i wire.Indicator) watch.Entry {
	return watch.Entry{
		Value: observable.Value{Kind: i.Kind, Value: i.Value},
		Name:  string(alert) + "/" + string(i.ID) + "/" + strconv.FormatInt(i.ValidUntil.Unix(), 36),
	}
}

func unname(name string) (alert, indicator ids.ID, until time.Time) {
	p := strings.SplitN(name, "/", 3)
	if len(p) != 3 {
		return "", "", until
	}
	sec, _ := strconv.ParseInt(p[2], 36, 64)
	return ids.ID(p[0]), ids.ID(p[1]), time.Unix(sec, 0)
}

// understood reports whether an indicator can be watched for, and logs why not.
func (a *Agent) understood(i wire.Indicator) bool {
	v, err := observable.Parse(i.Kind, i.Value)
	if err == nil && len(v.Value) > watch.MaxText {
		err = fmt.Errorf("longer than %d bytes", watch.MaxText)
	}
	if err != nil {
		a.c.Log.Warn("indicator not understood", "id", i.ID, "err", err)
	}
	return err == nil
}

// watch begins to watch for an alert; an indicator that is not understood is
// logged and the others are taken.
func (a *Agent) watch(al wire.Alert) error {
	known := al.Indicators[:0:0]
	entries := make([]watch.Entry, 0, len(al.Indicators))
	for _, i := range al.Indicators {
		if !a.understood(i) {
			continue
		}
		known = append(known, i)
		entries = append(entries, entryOf(al.ID, i))
	}
	al.Indicators = known
	if err := a.putAlert(al); err != nil {
		return err
	}
	return a.list.Add(entries...)
}

// unwatch reports whether there was anything to take back.
func (a *Agent) unwatch(r wire.Recall) (bool, error) {
	al, ok, err := a.alert(r.Alert)
	if err != nil || !ok {
		return false, err
	}
	named := map[ids.ID]bool{}
	for _, id := range r.Indicators {
		named[id] = true
	}
	var left []wire.Indicator
	var gone []watch.Entry
	for _, i := range al.Indicators {
		if len(r.Indicators) > 0 && !named[i.ID] {
			left = append(left, i)
			continue
		}
		gone = append(gone, entryOf(al.ID, i))
	}
	// The list is on disk before the alert is gone: after a crash the recall comes
	// again and must still find what to take back.
	if err := errors.Join(a.list.Remove(gone...), a.list.Save()); err != nil {
		return true, err
	}
	al.Indicators = left
	if len(left) > 0 {
		return true, a.putAlert(al)
	}
	return true, os.Remove(a.alertPath(r.Alert))
}
