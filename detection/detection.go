// Package detection turns log lines into findings: attempts of one rule from
// one source, counted and kept together until 30 quiet minutes pass, and told
// once the rule's threshold is reached. It also keeps, at the node, what the
// agents found.
package detection

import (
	"container/list"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"filo/internal/logline"
	"filo/internal/wire"
)

// Quiet is how long a source must say nothing before its finding is closed.
const Quiet = 30 * time.Minute

// Limits of what an engine keeps.
const (
	maxBuckets = 100_000
	maxSamples = 5
	maxSample  = 512
	maxMany    = 32 // ports, users, origins of one finding
)

// Rule says what counts as one kind of attempt.
type Rule struct {
	ID        string
	Title     string // Italian, as people at the Comune read it
	Severity  string // ACN
	Technique string // ATT&CK
	Tell      int    // from how many attempts on it is a finding
	Report    int    // from how many on a report is drafted; 0: never by itself
	match     func(logline.Event) bool
}

// Rules are the rules of this version, in the order of the manual.
var Rules = []Rule{
	{"ssh-guessing", "Tentativi di indovinare la password via SSH", "low", "T1110", 3, 20, sshGuess},
	{"ssh-login-accepted", "Accesso SSH riuscito dopo o durante tentativi falliti", "high", "T1078", 1, 1, nil},
	{"ssh-login", "Accesso SSH riuscito", "none", "T1078", 1, 0, nil},
	{"pam-guessing", "Password sbagliate su questo computer", "low", "T1110", 3, 30, func(e logline.Event) bool {
		return e.Product == "pam" && e.Action == "pam"
	}},
	{"sudo-failure", "Tentativi di ottenere i privilegi di amministratore", "medium", "T1548", 1, 0, func(e logline.Event) bool {
		return e.Product == "sudo" && e.Outcome == logline.Attempt
	}},
	{"web-login-guessing", "Tentativi di indovinare la password del sito", "low", "T1110", 10, 50, webLogin},
	{"web-attack", "Richieste d'attacco al sito", "medium", "T1190", 1, 5, webAttack},
	{"web-scan", "Ricerca di pagine deboli del sito", "low", "T1595", 10, 0, webScan},
}

func sshGuess(e logline.Event) bool {
	return e.Product == "sshd" && e.Outcome == logline.Attempt && e.Source.IsValid()
}

func rule(id string) *Rule {
	return &Rules[slices.IndexFunc(Rules, func(r Rule) bool { return r.ID == id })]
}

// Engine counts. It is not safe for several goroutines.
type Engine struct {
	Allow   []netip.Prefix // never counted
	Allowed uint64         // how many lines the allow-list swallowed
	Evicted uint64         // how many counts were given up for lack of room
	buckets map[string]*list.Element
	recent  *list.List // least recently grown first
	latest  time.Time  // of any line
}

// New makes an engine.
func New(allow []netip.Prefix) *Engine {
	return &Engine{Allow: allow, buckets: map[string]*list.Element{}, recent: list.New()}
}

// bucket is what one rule counted of one source.
type bucket struct {
	Key     string
	Finding wire.Finding
	Actions map[string]int // per kind of line: one attempt may leave several kinds
	Told    int            // the count that was last told
}

// Feed counts one line and gives the findings that are new or grew. line is the
// raw text for the samples, log the name of the log.
func (g *Engine) Feed(e logline.Event, line []byte, log string) []wire.Finding {
	if e.Time.After(g.latest) {
		g.latest = e.Time
	}
	if e.Source.IsValid() && slices.ContainsFunc(g.Allow, func(p netip.Prefix) bool { return p.Contains(e.Source) }) {
		g.Allowed++
		return nil
	}
	var out []wire.Finding
	for i := range Rules {
		if r := &Rules[i]; r.match != nil && r.match(e) {
			out = g.count(r, e, line, log, out)
		}
	}
	if e.Product == "sshd" && e.Action == "login" && e.Outcome == logline.Success {
		r := rule("ssh-login")
		if el, ok := g.buckets[key(rule("ssh-guessing"), e, log)]; ok && e.Time.Sub(el.Value.(*bucket).Finding.Last) <= Quiet {
			r = rule("ssh-login-accepted")
		} else if !private(e.Source) && e.Method == "password" {
			// From outside and with a password alone: worth a look by itself.
			r = rule("ssh-login-accepted")
		}
		out = g.count(r, e, line, log, out)
	}
	return out
}

func private(a netip.Addr) bool { return !a.IsValid() || a.IsPrivate() || a.IsLoopback() }

func key(r *Rule, e logline.Event, log string) string {
	who := e.Source.String()
	if !e.Source.IsValid() {
		who = e.User
	}
	return r.ID + "|" + log + "|" + who
}

func (g *Engine) count(r *Rule, e logline.Event, line []byte, log string, out []wire.Finding) []wire.Finding {
	k := key(r, e, log)
	el, ok := g.buckets[k]
	if ok && e.Time.Sub(el.Value.(*bucket).Finding.Last) > Quiet {
		out = g.close(el, out)
		ok = false
	}
	if !ok {
		if g.recent.Len() >= maxBuckets {
			g.Evicted++
			out = g.close(g.recent.Front(), out)
		}
		el = g.recent.PushBack(newBucket(k, r, e, log))
		g.buckets[k] = el
	}
	g.recent.MoveToBack(el)
	b := el.Value.(*bucket)
	b.grow(e, line)
	f := &b.Finding
	f.Report = r.Report > 0 && f.Count >= r.Report
	// Told at the threshold, then each time it doubled, and when it closes.
	if f.Count >= r.tell(e, b) && (b.Told == 0 || f.Count >= 2*b.Told || f.Report && b.Told < r.Report) {
		b.Told = f.Count
		out = append(out, clone(*f))
	}
	return out
}

// tell lowers the threshold of password guessing to the first password tried
// from outside: the agreements count every attempt, and there somebody who only
// mistyped is the exception. A name asked for without a password is a look, not
// yet an attempt.
func (r *Rule) tell(e logline.Event, b *bucket) int {
	if r.ID == "ssh-guessing" && !private(e.Source) && b.Actions["login"]+b.Actions["pam"] > 0 {
		return 1
	}
	return r.Tell
}

func newBucket(k string, r *Rule, e logline.Event, log string) *bucket {
	f := wire.Finding{
		Key: fmt.Sprintf("%s|%d", k, e.Time.Unix()), Rule: r.ID, Title: r.Title, Log: log, Product: e.Product,
		First: e.Time, Last: e.Time, Outcome: logline.Attempt, Severity: r.Severity, Technique: r.Technique,
	}
	if e.Source.IsValid() {
		f.SourceIP = e.Source.String()
	}
	if e.Outcome == logline.Success && r.match == nil {
		f.Outcome = logline.Success
	}
	return &bucket{Key: k, Finding: f, Actions: map[string]int{}}
}

func (b *bucket) grow(e logline.Event, line []byte) {
	f := &b.Finding
	// sshd writes up to three lines about one attempt: the most frequent kind is
	// the number of attempts.
	b.Actions[e.Action] += e.Repeat
	for _, n := range b.Actions {
		f.Count = max(f.Count, n)
	}
	if e.Time.After(f.Last) {
		f.Last = e.Time
	}
	if e.Time.Before(f.First) {
		f.First = e.Time
	}
	if e.SrcPort > 0 && len(f.SourcePorts) < maxMany && !slices.Contains(f.SourcePorts, e.SrcPort) {
		f.SourcePorts = append(f.SourcePorts, e.SrcPort)
		f.Origins = append(f.Origins, wire.Origin{SourceIP: f.SourceIP, SourcePort: e.SrcPort, Transport: "tcp", At: e.Time, Zone: e.Zone})
	}
	if e.User != "" && len(f.Users) < maxMany && !slices.Contains(f.Users, e.User) {
		f.Users = append(f.Users, strings.ToValidUTF8(e.User, "?"))
	}
	if e.Dest.IsValid() {
		f.DestIP, f.DestPort = e.Dest.String(), e.DestPort
	}
	if len(f.Samples) < maxSamples {
		f.Samples = append(f.Samples, strings.ToValidUTF8(string(line[:min(len(line), maxSample)]), "?"))
	}
}

// close ends a finding and gives it once more when people know of it.
func (g *Engine) close(el *list.Element, out []wire.Finding) []wire.Finding {
	b := el.Value.(*bucket)
	g.recent.Remove(el)
	delete(g.buckets, b.Key)
	if b.Told == 0 {
		return out
	}
	b.Finding.Closed = true
	return append(out, clone(b.Finding))
}

func clone(f wire.Finding) wire.Finding {
	f.SourcePorts, f.Users = slices.Clone(f.SourcePorts), slices.Clone(f.Users)
	f.Samples, f.Origins = slices.Clone(f.Samples), slices.Clone(f.Origins)
	return f
}

// Grown gives the findings that grew since they were last told.
func (g *Engine) Grown() []wire.Finding {
	var out []wire.Finding
	for el := g.recent.Front(); el != nil; el = el.Next() {
		if b := el.Value.(*bucket); b.Told > 0 && b.Finding.Count > b.Told {
			b.Told = b.Finding.Count
			out = append(out, clone(b.Finding))
		}
	}
	return out
}

// Sweep closes what has been quiet for long enough, by the clock of the lines.
func (g *Engine) Sweep(now time.Time) []wire.Finding {
	var out []wire.Finding
	for el := g.recent.Front(); el != nil; {
		next := el.Next()
		if b := el.Value.(*bucket); now.Sub(b.Finding.Last) > Quiet {
			out = g.close(el, out)
		}
		el = next
	}
	return out
}

// Flush gives every finding as it stands, at the end of a file.
func (g *Engine) Flush() []wire.Finding {
	var out []wire.Finding
	for el := g.recent.Front(); el != nil; {
		next := el.Next()
		out = g.close(el, out)
		el = next
	}
	return out
}

// Memory is what must survive a restart, together with the offsets of the logs:
// the counts that go on.
type Memory []bucket

// Remember gives the counts as they stand.
func (g *Engine) Remember() Memory {
	out := make(Memory, 0, g.recent.Len())
	for el := g.recent.Front(); el != nil; el = el.Next() {
		b := *el.Value.(*bucket)
		b.Finding = clone(b.Finding)
		actions := make(map[string]int, len(b.Actions))
		for k, v := range b.Actions {
			actions[k] = v
		}
		b.Actions = actions
		out = append(out, b)
	}
	return out
}

// Recall goes on from what Remember gave.
func (g *Engine) Recall(m Memory) {
	for i := range m {
		b := m[i]
		if b.Actions == nil {
			b.Actions = map[string]int{}
		}
		g.buckets[b.Key] = g.recent.PushBack(&b)
	}
}
