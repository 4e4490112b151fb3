package edge

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filo/detection"
	"filo/internal/clock"
	"filo/internal/edge/keep"
	"filo/internal/history"
	"filo/internal/ids"
	"filo/internal/logline"
	"filo/internal/observable"
	"filo/internal/spool"
	"filo/internal/watch"
	"filo/internal/wire"
)

var began = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

// opened is an agent as Open makes it, without a node to speak to.
func opened(t *testing.T, dir string, sources ...SourceConfig) (*Agent, *clock.Fake) {
	t.Helper()
	ck := clock.NewFake(began)
	a := &Agent{
		c:        Config{State: dir, Log: slog.New(slog.DiscardHandler), Clock: ck, Heard: func(string, string) {}, Sources: sources},
		crawlers: newCrawlers(ck, nil), changes: make(chan wire.ChangesPage), wakeUp: make(chan struct{}, 1),
	}
	a.finder.Seed = 1
	var err error
	a.spool, err = spool.Open(filepath.Join(dir, "spool"), 256<<20)
	must(t, err)
	must(t, a.loadState())
	must(t, a.openHistory())
	must(t, a.openList())
	a.keeper, err = keep.Open(filepath.Join(dir, "kept"), 1<<30)
	must(t, err)
	must(t, a.openSources())
	t.Cleanup(a.Close)
	return a, ck
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(t, err)
	_, err = f.WriteString(text)
	must(t, err)
	must(t, f.Close())
}

func guess(at time.Time, port int) string {
	return fmt.Sprintf("%s srv sshd[7]: Failed password for root from 81.2.3.4 port %d ssh2\n", at.Format(time.RFC3339), port)
}

// told gives what waits in the queue, by kind.
func told(t *testing.T, a *Agent) map[string][]json.RawMessage {
	t.Helper()
	list, err := a.spool.Pending(100_000)
	must(t, err)
	out := map[string][]json.RawMessage{}
	for _, e := range list {
		out[e.Kind] = append(out[e.Kind], e.Payload)
	}
	return out
}

// findings gives the last count of each finding that was told.
func findings(t *testing.T, a *Agent) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, b := range told(t, a)[wire.EventFinding] {
		var f wire.Finding
		must(t, json.Unmarshal(b, &f))
		out[f.Key] = f.Count
	}
	return out
}

func send(t *testing.T, a *Agent, kind string, x any) {
	t.Helper()
	b, err := json.Marshal(x)
	must(t, err)
	next := a.cursor() + 1
	must(t, a.Apply(wire.ChangesPage{Next: next, Changes: []wire.Change{{Seq: next, Kind: kind, Payload: b}}}))
	if a.cursor() != next {
		t.Fatalf("the change was not passed: cursor %d, want %d", a.cursor(), next)
	}
}

func alertOf(values ...string) wire.Alert {
	al := wire.Alert{ID: ids.New(began)}
	for _, v := range values {
		kind := observable.IPv4
		if strings.Contains(v, ":") {
			kind = observable.URL
		} else if strings.Contains(v, "/") {
			kind = observable.Network
		}
		al.Indicators = append(al.Indicators, wire.Indicator{ID: ids.New(began), Kind: kind, Value: v, ValidUntil: began.Add(24 * time.Hour)})
	}
	return al
}

// fullDisk makes the state impossible to write until the returned function is called.
func fullDisk(t *testing.T, a *Agent) (repair func()) {
	t.Helper()
	real := a.spool
	small, err := spool.Open(filepath.Join(t.TempDir(), "full"), 10)
	must(t, err)
	a.spool = small
	return func() { a.spool = real; small.Close() }
}

func TestAlertsOfTheFirstVersionAreWatchedForAfterAnUpgrade(t *testing.T) {
	dir := t.TempDir()
	al := alertOf("203.0.113.9")
	b, err := json.Marshal(map[string]any{"cursor": 5, "alerts": map[ids.ID]wire.Alert{al.ID: al}})
	must(t, err)
	write(t, filepath.Join(dir, stateFile), string(b))
	if a, _ := opened(t, dir); a.list.Len() != 1 {
		t.Errorf("%d indicators are watched for, want the one of the alert", a.list.Len())
	}
}

func TestAChangeThatIsTooLargeForOneEventDoesNotHoldUpTheOthers(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "access.log")
	a, _ := opened(t, dir, SourceConfig{Path: log, Name: "web"})
	al := alertOf()
	var text strings.Builder
	for i := range 3000 {
		ip := fmt.Sprintf("81.2.%d.%d", i/250, i%250)
		al.Indicators = append(al.Indicators, alertOf(ip).Indicators...)
		fmt.Fprintf(&text, "%s - - [%s] \"GET /?id=%d%%27%%20union%%20select%%20%s HTTP/1.1\" 404 10 \"-\" \"x\"\n", ip, began.Format("02/Jan/2006:15:04:05 -0700"), i, strings.Repeat("<", 3000))
	}
	write(t, log, text.String())
	must(t, a.Step())
	send(t, a, wire.ChangeAlert, al)
	var ans wire.Answer
	must(t, json.Unmarshal(told(t, a)[wire.EventAnswer][0], &ans))
	if len(ans.Seen) != maxSeen {
		t.Errorf("%d indicators seen are told, want %d", len(ans.Seen), maxSeen)
	}
	hunt := wire.Hunt{ID: ids.New(began), Values: al.Indicators, Until: began.Add(time.Hour)}
	send(t, a, wire.ChangeHunt, hunt)
	send(t, a, wire.ChangeRelease, wire.Release{Hunt: hunt.ID, Most: 1000})
	if len(told(t, a)[wire.EventLines]) != 1 {
		t.Error("no line that a person let go was sent")
	}
	send(t, a, wire.ChangeAlert, alertOf("http://a.example/"+strings.Repeat("a", 5000), "203.0.113.9"))
	if a.list.Len() != 3001 {
		t.Errorf("%d indicators are watched for, want all but the one that is too long", a.list.Len())
	}
}

func TestADamagedFileOfTheLookBackDoesNotHoldUpTheChanges(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "any.log")
	a, ck := opened(t, dir, SourceConfig{Path: log})
	write(t, log, "connection from 203.0.113.9\n")
	must(t, a.Step())
	ck.Advance(5 * time.Hour)
	must(t, a.history.Roll(ck.Now()))
	segments, err := filepath.Glob(filepath.Join(dir, "history", "*.seg"))
	must(t, err)
	if len(segments) == 0 {
		t.Fatal("no segment was written")
	}
	b, err := os.ReadFile(segments[0])
	must(t, err)
	for i := 96; i < 96+8*257; i++ { // its index; the filter still says where to look
		b[i] = 0xff
	}
	f, err := os.OpenFile(segments[0], os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(b, 0) // in place: the agent has it open
	must(t, err)
	must(t, f.Close())
	send(t, a, wire.ChangeAlert, alertOf("203.0.113.9"))
	if len(a.history.Health().Damaged) == 0 {
		t.Error("nobody is told that a file is damaged")
	}
}

func TestAQuestionOfManyNetworksTakesLittleMemoryAndOfTooManyIsRefused(t *testing.T) {
	h, err := history.Open(t.TempDir(), 1, history.Options{}, nil)
	must(t, err)
	defer h.Close()
	var finder observable.Finder
	finder.Seed = 1
	line := []byte("connection from 20.15.255.254")
	must(t, h.Line(began, began, "any", finder.Keys(line, finder.Find(line, nil), nil)))
	var entries []watch.Entry
	for i := range 5 {
		entries = append(entries, watch.Entry{Value: observable.Value{Kind: observable.Network, Value: fmt.Sprintf("%d.0.0.0/12", 20+i)}})
	}
	got, err := hunt(h, 1, entries, began)
	must(t, err)
	if len(got.Found) != 1 || got.Found[0].Value != "20.0.0.0/12" || got.Found[0].Count != 1 {
		t.Errorf("found %+v, want one line in the first network", got.Found)
	}
	if got.Asked != 4 || len(got.Refused) != 1 {
		t.Errorf("%d asked, %d refused, want four million addresses and no more", got.Asked, len(got.Refused))
	}
}

func TestCountsOfAFloodAreKeptInFramesThatTheJournalTakes(t *testing.T) {
	dir := t.TempDir()
	g := detection.New(detection.Options{})
	c, err := openCounts(dir, countsMark{}, g)
	must(t, err)
	r := &logline.Reader{Zone: time.UTC, Now: func() time.Time { return began }}
	const sources = 7_000
	for i := range sources {
		line := fmt.Appendf(nil, "81.2.%d.%d - - [%s] \"GET /?id=1%%27%%20union%%20select%%20%s HTTP/1.1\" 404 10 \"-\" \"x\"", i>>8, i&255, began.Format("02/Jan/2006:15:04:05 -0700"), strings.Repeat("<", 400))
		e, _ := r.Parse(line)
		g.Feed(e, line, "access.log")
	}
	if b := g.Changed(true); len(b) <= maxFrame {
		t.Fatalf("only %d bytes of counts: that proves nothing", len(b))
	}
	mark, err := c.rewrite(g)
	must(t, err)
	c.close()
	again := detection.New(detection.Options{})
	c, err = openCounts(dir, mark, again)
	must(t, err)
	c.close()
	if a, b := len(g.Changed(true)), len(again.Changed(true)); a != b {
		t.Errorf("%d bytes of counts came back, want %d", b, a)
	}
}

func TestAStepThatCouldNotBeKeptLosesNoMatchAndNoCount(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "auth.log")
	write(t, log, strings.Repeat(guess(began, 5), 3))
	a, ck := opened(t, dir, SourceConfig{Path: log})
	send(t, a, wire.ChangeAlert, alertOf("81.2.3.4"))
	repair := fullDisk(t, a)
	if a.Step() == nil {
		t.Fatal("a full disk was not noticed")
	}
	repair()
	must(t, a.Step())
	if n := len(told(t, a)[wire.EventMatch]); n != 1 {
		t.Errorf("the match was told %d times, want once", n)
	}
	write(t, log, strings.Repeat(guess(began, 6), 40))
	a.counts.journal.Close() // as a disk that gives an error
	if a.Step() == nil {
		t.Fatal("counts that could not be kept were not noticed")
	}
	must(t, a.Step())
	ck.Advance(3 * time.Second)
	must(t, a.Step())
	got := findings(t, a)
	for key, n := range got {
		if n != 43 {
			t.Errorf("%s counts %d, want 43", key, n)
		}
	}
	if len(got) == 0 {
		t.Error("43 passwords make no finding")
	}
}

func TestAFirstStepThatFailsDoesNotReadWhatWasPassedOver(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "auth.log")
	write(t, log, strings.Repeat("an old line\n", 1000))
	a, _ := opened(t, dir, SourceConfig{Path: log, FromEnd: true})
	write(t, log, guess(began, 5))
	repair := fullDisk(t, a)
	if a.Step() == nil {
		t.Fatal("a full disk was not noticed")
	}
	repair()
	must(t, a.Step())
	if n := a.sources[0].stat.Lines; n != 2 { // the new one, twice
		t.Errorf("%d lines were read, want the new one and again the new one", n)
	}
}

func TestALineThatCannotBeRememberedIsNotCountedEachTimeItIsRead(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "auth.log")
	a, ck := opened(t, dir, SourceConfig{Path: log})
	must(t, os.RemoveAll(filepath.Join(dir, "history")))
	write(t, log, guess(began, 5))
	for range 50 {
		ck.Advance(250 * time.Millisecond)
		must(t, a.Step())
	}
	if got := findings(t, a); len(got) > 0 {
		t.Errorf("one password makes findings of %v", got)
	}
	if a.sources[0].stat.Trouble == "" {
		t.Error("nobody is told that nothing is read")
	}
}

func TestWhatCannotBeOpenedAgainIsTriedAgainAndNothingIsReadMeanwhile(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "any.log")
	a, _ := opened(t, dir, SourceConfig{Path: log})
	write(t, log, "connection from 203.0.113.9\n")
	folder := filepath.Join(dir, "history")
	must(t, os.RemoveAll(folder))
	write(t, folder, "no folder")
	a.undo()
	if a.Step() == nil || a.Apply(wire.ChangesPage{}) == nil {
		t.Error("an agent without its look-back works on")
	}
	a.status() // it goes on saying how it is
	must(t, os.Remove(folder))
	must(t, a.Step())
	if n := a.sources[0].stat.Lines; n != 1 {
		t.Errorf("%d lines were read, want 1", n)
	}
}

func TestAFirstStepThatDiedIsNotRememberedTwice(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "any.log")
	write(t, log, "connection from 203.0.113.9\n")
	a, _ := opened(t, dir, SourceConfig{Path: log})
	_, err := a.sources[0].source.Read(10, func(line []byte) error { _, err := a.line(a.sources[0], line); return err })
	must(t, err)
	_, err = a.history.Flush() // here it dies: the state was never written
	must(t, err)
	b, ck := opened(t, dir, SourceConfig{Path: log})
	must(t, b.Step())
	keys, err := b.finder.Seed.Ask(observable.Value{Kind: observable.IPv4, Value: "203.0.113.9"})
	must(t, err)
	seen, _, err := b.history.Look(keys, ck.Now())
	must(t, err)
	if s := seen[keys[0]]; s == nil || s.Count != 1 {
		t.Errorf("one line is remembered as %+v", s)
	}
}

func TestTwoAgentsDoNotWorkInOneFolder(t *testing.T) {
	dir := t.TempDir()
	lock, err := spool.Lock(dir)
	must(t, err)
	if _, err := spool.Lock(dir); !errors.Is(err, spool.ErrLocked) {
		t.Errorf("a second one gets the folder: %v", err)
	}
	must(t, lock.Close())
	lock, err = spool.Lock(dir)
	must(t, err)
	must(t, lock.Close())
}

const huntedRule = `title: failed
id: 11111111-2222-4333-8444-555555555555
logsource:
  product: linux
  service: sshd
detection:
  sel:
    - Failed
  condition: sel
`

func TestARuleIsAskedOfRotatedFilesTooAndWhatIsNotReadAgainIsNamed(t *testing.T) {
	dir := t.TempDir()
	logs := filepath.Join(dir, "logs")
	must(t, os.Mkdir(logs, 0o700))
	write(t, filepath.Join(logs, "auth.log"), guess(began, 5))
	write(t, filepath.Join(logs, "auth.log.1"), guess(began.Add(-time.Hour), 4))
	a, _ := opened(t, filepath.Join(dir, "a"), SourceConfig{Path: filepath.Join(logs, "auth.log")}, SourceConfig{Path: logs, Name: "cartella"})
	x, err := a.hunt(wire.Hunt{ID: ids.New(began), Rule: huntedRule, Until: began.Add(time.Hour)})
	must(t, err)
	if x.RuleCount != 2 {
		t.Errorf("the rule fits %d lines, want one of each file", x.RuleCount)
	}
	if len(x.RuleSkipped) != 1 || !strings.HasPrefix(x.RuleSkipped[0], "cartella: ") {
		t.Errorf("skipped: %q, want the folder named", x.RuleSkipped)
	}
}
