package detection

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"filo/internal/i18n"
	"filo/internal/logline"
	"filo/internal/wire"
)

var start = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

func feed(t *testing.T, g *Engine, lines ...string) []wire.Finding {
	t.Helper()
	r := &logline.Reader{Zone: time.UTC, Now: func() time.Time { return start.Add(24 * time.Hour) }}
	var out []wire.Finding
	for _, l := range lines {
		e, _ := r.Read([]byte(l))
		out = append(out, g.Feed(&e, []byte(l), "auth.log")...)
	}
	return out
}

func failed(at time.Duration, ip, user string, port int) string {
	return fmt.Sprintf("%s gate sshd[7]: Failed password for %s from %s port %d ssh2", start.Add(at).Format("Jan _2 15:04:05"), user, ip, port)
}

func accepted(at time.Duration, ip string) string {
	return strings.Replace(failed(at, ip, "tecnico", 3), "Failed", "Accepted", 1)
}

func TestGuessingFromOneSourceBecomesOneFinding(t *testing.T) {
	g := New(Options{})
	var lines []string
	for i := range 40 {
		lines = append(lines, failed(time.Duration(i)*time.Second, "203.0.113.9", "root", 4000+i))
	}
	out := feed(t, g, lines...)
	if len(out) == 0 || len(out) > 8 {
		t.Fatalf("40 attempts are told in %d messages", len(out))
	}
	out = append(out, g.Flush()...)
	last := out[slices.IndexFunc(out, func(f wire.Finding) bool { return f.Rule == "ssh-guessing" && f.Closed })]
	if last.Count != 40 || last.SourceIP != "203.0.113.9" || len(last.SourcePorts) != 32 || !last.Report || !last.Closed || last.Outcome != "attempt" {
		t.Errorf("the finding says %+v", last)
	}
	for _, f := range out {
		if f.Rule == last.Rule && f.Key != last.Key {
			t.Error("one attack has two keys")
		}
	}
}

func TestThirtyQuietMinutesEndAFinding(t *testing.T) {
	g := New(Options{})
	keys := map[string]bool{}
	for _, at := range []time.Duration{0, time.Second, 2 * time.Second, 45 * time.Minute, 46 * time.Minute, 47 * time.Minute} {
		for _, f := range feed(t, g, failed(at, "203.0.113.9", "root", 1)) {
			keys[f.Key] = true
		}
	}
	if len(keys) != 2 {
		t.Errorf("two attacks with 43 quiet minutes between them have %d keys", len(keys))
	}
}

func TestALogThatComesLateIsOneFindingToo(t *testing.T) {
	g := New(Options{})
	clock := start.Add(3 * time.Hour) // the lines are three hours old: a backlog, or a clock that is wrong
	keys, most := map[string]bool{}, 0
	note := func(out []wire.Finding) {
		for _, f := range out {
			if f.Rule == "ssh-guessing" {
				keys[f.Key] = true
				most = max(most, f.Count)
			}
		}
	}
	for i := range 300 {
		note(feed(t, g, failed(time.Duration(i)*time.Second, "203.0.113.9", "root", 4000+i)))
		clock = clock.Add(time.Second)
		note(g.Sweep(clock))
	}
	if len(keys) != 1 || most < 150 {
		t.Fatalf("one attack has %d keys and is told up to %d", len(keys), most)
	}
	note(g.Sweep(clock.Add(Quiet)))
	if most == 300 {
		t.Error("it is closed before it was quiet for long enough")
	}
	note(g.Sweep(clock.Add(Quiet + time.Second)))
	if len(keys) != 1 || most != 300 {
		t.Errorf("closed with %d keys and %d of 300 attempts", len(keys), most)
	}
}

func TestALogThatComesLateGoesOnAfterARestart(t *testing.T) {
	g, h := New(Options{}), New(Options{})
	feed(t, g, failed(0, "203.0.113.9", "root", 1))
	for line := range bytes.Lines(g.Changed(true)) {
		var s Saved
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatal(err)
		}
		h.Restore([]Saved{s})
	}
	n := h.recent.Len()
	if h.Sweep(start.Add(3 * time.Hour)); n == 0 || h.recent.Len() != n {
		t.Errorf("%d of %d counts are left by the first sweep", h.recent.Len(), n)
	}
	if h.Sweep(start.Add(100 * time.Hour)); h.recent.Len() != 0 {
		t.Errorf("%d counts never end", h.recent.Len())
	}
}

func TestLongChannelsAreAskedAndNotRemembered(t *testing.T) {
	g := New(Options{})
	for i := range 20 {
		long := strings.Repeat("A", 40_000) + fmt.Sprint(i)
		out := feed(t, g, fmt.Sprintf(`{"EventID":4625,"Channel":"%s","IpAddress":"203.0.113.9","TargetUserName":"x","TimeCreated":"2026-11-24T08:00:%02dZ"}`, long, i))
		if i == 19 && g.recent.Len() == 0 && len(out) == 0 {
			t.Error("the lines are not counted")
		}
	}
	for s := range g.shapes {
		if len(s.channel)+len(s.method) > maxShape {
			t.Fatalf("a channel of %d bytes is remembered", len(s.channel))
		}
	}
}

func TestASuccessAfterFailuresIsAFindingOfItsOwn(t *testing.T) {
	g := New(Options{})
	out := feed(t, g, failed(0, "203.0.113.9", "root", 1), failed(time.Second, "203.0.113.9", "root", 2), accepted(2*time.Second, "203.0.113.9"))
	last := out[len(out)-1]
	if last.Rule != "ssh-login-accepted" || last.Severity != "high" || last.Outcome != "success" || !last.Report {
		t.Errorf("found %+v", last)
	}
	if slices.ContainsFunc(out, func(f wire.Finding) bool { return f.Rule == "ssh-login-outside" }) {
		t.Error("the same login is told twice")
	}
	if quiet := feed(t, New(Options{}), accepted(0, "192.168.1.7")); len(quiet) != 0 {
		t.Errorf("an honest login from inside: %+v", quiet)
	}
	alone := feed(t, New(Options{}), accepted(0, "203.0.113.9"))
	if len(alone) != 1 || alone[0].Rule != "ssh-login-outside" || alone[0].Outcome != "success" {
		t.Errorf("a login from outside with a password alone: %+v", alone)
	}
}

func TestTheAllowListWinsBeforeAnythingIsCounted(t *testing.T) {
	g := New(Options{Allow: []Allow{{Network: netip.MustParsePrefix("203.0.113.0/24")}}})
	var lines []string
	for i := range 50 {
		lines = append(lines, failed(time.Duration(i)*time.Second, "203.0.113.9", "root", 1))
	}
	if out := append(feed(t, g, lines...), g.Flush()...); len(out) != 0 || g.Allowed != 50 {
		t.Errorf("%d findings, %d allowed", len(out), g.Allowed)
	}
}

func TestCountsGoOnAfterARestart(t *testing.T) {
	g := New(Options{})
	feed(t, g, failed(0, "192.168.1.9", "root", 1))
	disk := g.Changed(false)
	feed(t, g, failed(1, "192.168.1.9", "root", 2))
	disk = append(disk, g.Changed(false)...)
	if more := g.Changed(false); len(more) > 0 {
		t.Errorf("nothing changed and %q is kept", more)
	}
	h := New(Options{})
	for line := range bytes.Lines(disk) {
		var s Saved
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatal(err)
		}
		h.Restore([]Saved{s})
	}
	out := feed(t, h, failed(time.Second, "192.168.1.9", "root", 3))
	if len(out) != 1 || out[0].Count != 3 {
		t.Errorf("after a restart: %+v", out)
	}
	h.Flush()
	if gone := h.Changed(false); !bytes.Contains(gone, []byte(`"x":true`)) {
		t.Errorf("an ended count is not taken off the disk: %s", gone)
	}
}

func TestAnEntryOfTheAllowListEnds(t *testing.T) {
	g := New(Options{Allow: []Allow{{Network: netip.MustParsePrefix("203.0.113.0/24"), Until: start.Add(time.Hour)}}})
	out := append(feed(t, g, failed(0, "203.0.113.9", "root", 1)), feed(t, g, failed(2*time.Hour, "203.0.113.9", "root", 1))...)
	if len(out) != 1 || g.Allowed != 1 {
		t.Errorf("%d findings, %d allowed", len(out), g.Allowed)
	}
}

func TestMillionsOfSourcesKeepTheStateBounded(t *testing.T) {
	g := New(Options{})
	for i := range maxBuckets + 5000 {
		a := netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
		g.Feed(&logline.Event{Time: start, Product: "sshd", Action: logline.InvalidUser, Outcome: logline.Failure, Source: a, Repeat: 1, User: []byte("x")}, []byte("x"), "l")
	}
	if g.recent.Len() > maxBuckets || g.Evicted < 5000 {
		t.Errorf("%d counts kept, %d given up", g.recent.Len(), g.Evicted)
	}
}

// rulesOf gives the rules that lines match, each once.
func rulesOf(lines ...string) []string {
	g := New(Options{})
	r := &logline.Reader{Zone: time.UTC, Now: func() time.Time { return start.Add(24 * time.Hour) }}
	var out []string
	for _, l := range lines {
		e, _ := r.Read([]byte(l))
		g.Feed(&e, []byte(l), "l")
		hits, _ := g.Last()
		for _, h := range hits {
			if !slices.Contains(out, h.ID) {
				out = append(out, h.ID)
			}
		}
	}
	return out
}

func TestEachRuleMatchesItsLinesAndNotHonestOnes(t *testing.T) {
	for _, r := range Builtin().Rules {
		for _, line := range r.Yes {
			if !slices.Contains(rulesOf(line), r.ID) {
				t.Errorf("%s does not match %s", r.ID, line)
			}
		}
		for _, line := range r.No {
			if slices.Contains(rulesOf(line), r.ID) {
				t.Errorf("%s matches the honest %s", r.ID, line)
			}
		}
	}
}

func TestEachRuleIsWholeAndSaidInBothLanguages(t *testing.T) {
	for _, r := range Builtin().Rules {
		if r.ID == "" || r.Title == "" || r.Description == "" || r.Author == "" {
			t.Errorf("%q lacks a name, title, description or author", r.Title)
		}
		if r.Severity == "none" {
			continue // serves other rules
		}
		if len(r.Tags) == 0 || r.ACN == "" {
			t.Errorf("%s lacks ATT&CK or the ACN taxonomy", r.ID)
		}
		for _, lang := range i18n.Languages {
			for _, key := range []string{"word.rule.", "rule.text."} {
				if !i18n.For(lang).Has(key + r.ID) {
					t.Errorf("%s.json lacks %s%s", lang, key, r.ID)
				}
			}
		}
	}
}

func TestCorrelationsFindWhatNoSingleLineShows(t *testing.T) {
	at := func(i int) string { return start.Add(time.Duration(i) * time.Second).Format("Jan _2 15:04:05") }
	for rule, line := range map[string]func(i int) string{
		"password-spraying": func(i int) string {
			return failed(time.Duration(i)*time.Second, "203.0.113.9", fmt.Sprint("utente", i), 4000+i)
		},
		"distributed-guessing": func(i int) string {
			return failed(time.Duration(i)*time.Minute, fmt.Sprint("203.0.113.", i), "sindaco", 4000+i)
		},
		"slow-guessing": func(i int) string { return failed(time.Duration(i)*40*time.Minute, "203.0.113.9", "root", 4000+i) },
		"port-scan": func(i int) string {
			return fmt.Sprintf("%s gw kernel: [1.0] UFW BLOCK IN=eth0 OUT= MAC=aa SRC=203.0.113.9 DST=192.0.2.1 LEN=40 TTL=50 ID=1 PROTO=TCP SPT=4000 DPT=%d WINDOW=1 SYN", at(i), 20+i)
		},
		"network-sweep": func(i int) string {
			return fmt.Sprintf("%s gw kernel: [1.0] UFW BLOCK IN=eth0 OUT= MAC=aa SRC=203.0.113.9 DST=192.0.2.%d LEN=40 TTL=50 ID=1 PROTO=TCP SPT=4000 DPT=445 WINDOW=1 SYN", at(i), i+1)
		},
		"outbound-attack": func(i int) string {
			return fmt.Sprintf("%s gw kernel: [1.0] UFW BLOCK IN=eth1 OUT=eth0 MAC=aa SRC=192.168.1.7 DST=198.51.100.%d LEN=40 TTL=50 ID=1 PROTO=TCP SPT=4000 DPT=445 WINDOW=1 SYN", at(i), i+1)
		},
	} {
		var lines []string
		for i := range 30 {
			lines = append(lines, line(i))
		}
		out := feed(t, New(Options{}), lines...)
		if !slices.ContainsFunc(out, func(f wire.Finding) bool { return f.Rule == rule }) {
			t.Errorf("%s is not found", rule)
		}
		if few := feed(t, New(Options{}), lines[:4]...); slices.ContainsFunc(few, func(f wire.Finding) bool { return f.Rule == rule }) {
			t.Errorf("%s is found in four lines", rule)
		}
	}
}

func TestFilesChangedByTheHundredOnOneComputerAreFound(t *testing.T) {
	g := New(Options{})
	var out []wire.Finding
	for i := range 900 {
		e := logline.Event{Time: start.Add(time.Duration(i) * 100 * time.Millisecond), Product: "sysmon", Action: logline.Other, ID: 11, Device: []byte("PC-7"), Repeat: 1}
		out = append(out, g.Feed(&e, []byte("x"), "l")...)
	}
	if len(out) == 0 || out[0].Rule != "mass-file-change" || out[0].Subject != "PC-7" {
		t.Errorf("found %+v", out)
	}
}

func TestAMachineThatCallsHomeAtRegularTimesIsFoundAndAnHonestOneIsNot(t *testing.T) {
	call := func(g *Engine, from, to string, at time.Duration) []wire.Finding {
		e := logline.Event{Time: start.Add(at), Product: "netfilter", Action: logline.Connect, Outcome: logline.Success, Source: netip.MustParseAddr(from), Dest: netip.MustParseAddr(to), DestPort: 443, Repeat: 1}
		return g.Feed(&e, []byte("x"), "l")
	}
	r := rand.New(rand.NewPCG(3, 4))
	g := New(Options{})
	var out []wire.Finding
	at := time.Duration(0)
	for range 60 { // every five minutes, give or take ten seconds
		at += 5*time.Minute + time.Duration(r.IntN(20)-10)*time.Second
		out = append(out, call(g, "192.168.1.7", "203.0.113.50", at)...)
	}
	if len(out) == 0 || out[0].Rule != "beacon" || out[0].SourceIP != "192.168.1.7" || out[0].DestIP != "203.0.113.50" || !out[0].Leaves {
		t.Errorf("found %+v", out)
	}
	person, common := New(Options{}), New(Options{})
	out, at = nil, 0
	for i := range 200 {
		at += time.Duration(5+r.IntN(1200)) * time.Second // as people read
		out = append(out, call(person, "192.168.1.8", "203.0.113.51", at)...)
		for pc := range 5 { // updates: as regular, but of everybody
			out = append(out, call(common, fmt.Sprint("192.168.1.", 20+pc), "203.0.113.52", time.Duration(i)*5*time.Minute)...)
		}
	}
	if len(out) > 0 {
		t.Errorf("honest connections are taken for a beacon: %+v", out[0])
	}
}

func TestAFloodOfAMillionLinesBecomesAHandful(t *testing.T) {
	g := New(Options{})
	told := 0
	e := logline.Event{Product: "sshd", Action: logline.Login, Outcome: logline.Failure, Source: netip.MustParseAddr("203.0.113.9"), Repeat: 1, User: []byte("root"), SrcPort: 7}
	for i := range 1_000_000 {
		e.Time = start.Add(time.Duration(i) * time.Millisecond)
		told += len(g.Feed(&e, []byte("x"), "l"))
	}
	last := g.Flush()
	whole := slices.ContainsFunc(last, func(f wire.Finding) bool { return f.Rule == "ssh-guessing" && f.Count == 1_000_000 })
	if told > 60 || len(last) > 3 || !whole {
		t.Errorf("told %d times, at last %+v", told, last)
	}
}

func TestDecodingUndoesTwoLayersAndNoMore(t *testing.T) {
	for in, want := range map[string]string{
		"/a%2e%2e/b": "/a../b", "/%252e%252e/": "/../", "/%25252e/": "/%2e/", "/a+b": "/a b", "/%zz%4": "/%zz%4", "/%u002e": "/.",
	} {
		if got := string(decode(nil, []byte(in))); got != want {
			t.Errorf("%q decodes to %q, want %q", in, got, want)
		}
	}
}
