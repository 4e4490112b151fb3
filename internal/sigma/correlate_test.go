package sigma

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func mustTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

var noon = mustTime("2026-11-25T12:00:00Z")

// base rules: fail, ok, and any event with a field N.
var base = []string{
	"title: Accesso fallito\nid: fail\nname: fallito\nauthor: a\nlogsource: {product: prova}\ndetection: {s: {Esito: no}, condition: s}",
	"title: Accesso riuscito\nid: ok\nname: riuscito\nauthor: a\nlogsource: {product: prova}\ndetection: {s: {Esito: si}, condition: s}",
	"title: misura\nid: num\nname: misura\nauthor: a\nlogsource: {product: prova}\ndetection: {s: {N|exists: true}, condition: s}",
}

// replay is a correlation at work on events "second name=value name=value".
type replay struct {
	m *Matcher
	c *Correlator
}

func newReplay(t testing.TB, correlations ...string) *replay {
	t.Helper()
	e := engine(t, Options{}, append(append([]string{}, base...), correlations...)...)
	return &replay{e.NewMatcher(), e.NewCorrelator()}
}

func (r *replay) play(lines ...string) (out []Finding) {
	for _, l := range lines {
		f := strings.Fields(l)
		ev := event()
		var s float64
		fmt.Sscan(f[0], &s)
		ev.Time = noon.Add(time.Duration(s * float64(time.Second)))
		for _, kv := range f[1:] {
			k, v, _ := strings.Cut(kv, "=")
			ev.Add(k, []byte(v))
		}
		out = r.c.Feed(r.m.Match(ev, nil), ev, out)
	}
	return out
}

func correlation(kind, rules, rest string) string {
	return "title: insieme\nid: corr\nname: insieme\nauthor: b\nlevel: high\ncorrelation:\n  type: " + kind + "\n  rules: [" + rules + "]\n  group-by: [Utente]\n  timespan: 1m\n" + rest
}

func TestEventsAreCountedForEachGroupOverASlidingWindow(t *testing.T) {
	r := newReplay(t, correlation("event_count", "fallito", "  condition: {gte: 3}"))
	out := r.play("50 Esito=no Utente=anna", "55 Esito=no Utente=ANNA", "58 Esito=no Utente=bea", "59 Esito=si Utente=anna", "65 Esito=no Utente=anna")
	if len(out) != 1 || out[0].Count != 3 || out[0].Group[0] != (GroupValue{"Utente", "anna"}) || !out[0].New || out[0].Rule.Author != "b" ||
		!out[0].First.Equal(noon.Add(50*time.Second)) || !out[0].Last.Equal(noon.Add(65*time.Second)) {
		t.Fatalf("%+v", out)
	}
	if out := r.play("200 Esito=no Utente=anna", "250 Esito=no Utente=anna", "261 Esito=no Utente=anna"); len(out) != 0 {
		t.Errorf("three in more than a minute: %+v", out)
	}
	if out := r.play("262 Esito=no Utente=anna"); len(out) != 1 || !out[0].New {
		t.Errorf("%+v", out)
	}
}

func TestWhatGoesOnIsToldAgainWhenItHasDoubled(t *testing.T) {
	r := newReplay(t, correlation("event_count", "fallito", "  condition: {gt: 2}"))
	var lines []string
	for i := range 24 {
		lines = append(lines, fmt.Sprintf("%d Esito=no Utente=a", i))
	}
	out := r.play(lines...)
	if len(out) != 4 || out[0].Events != 3 || out[1].Events != 6 || out[1].New || out[3].Events != 24 {
		t.Errorf("%+v", out)
	}
}

func TestEventsMayComeLateWithinTheSpan(t *testing.T) {
	r := newReplay(t, correlation("event_count", "fallito", "  condition: {gte: 3}"))
	if out := r.play("60 Esito=no Utente=a", "20 Esito=no Utente=a", "40 Esito=no Utente=a"); len(out) != 1 {
		t.Errorf("%+v", out)
	}
	r.play("-10 Esito=no Utente=a", "70 Esito=no")
	if r.c.Counters.Late != 1 || r.c.Counters.Ungrouped != 1 {
		t.Errorf("%+v", r.c.Counters)
	}
}

func TestALimitFromAboveIsJudgedWhenTheWindowIsOver(t *testing.T) {
	r := newReplay(t, correlation("event_count", "fallito", "  condition: {gt: 1, lte: 3}"))
	if out := r.play("0 Esito=no Utente=a", "1 Esito=no Utente=a", "2 Esito=no Utente=b", "3 Esito=no Utente=c", "4 Esito=no Utente=c", "5 Esito=no Utente=c", "6 Esito=no Utente=c"); len(out) != 0 {
		t.Fatalf("too early: %+v", out)
	}
	if out := r.play("65 Esito=no Utente=b"); len(out) != 0 {
		t.Fatalf("one event in its window: %+v", out)
	}
	if out := r.play("62 Esito=no Utente=a"); len(out) != 1 || out[0].Group[0].Value != "a" || out[0].Count != 2 {
		t.Fatalf("the next window begins, the last one is judged: %+v", out)
	}
	if out := r.c.Advance(noon.Add(59*time.Second), nil); len(out) != 0 {
		t.Fatalf("too early: %+v", out)
	}
	r.play("63 Esito=no Utente=a")
	out := r.c.Advance(noon.Add(190*time.Second), nil)
	if len(out) != 1 || out[0].Group[0].Value != "a" || out[0].Count != 2 || r.c.Groups() != 0 {
		t.Errorf("%+v", out)
	}
}

func TestDifferentValuesAreCountedOnce(t *testing.T) {
	r := newReplay(t, correlation("value_count", "fallito", "  condition: {field: Da, gte: 3}"))
	out := r.play("0 Esito=no Utente=a Da=x", "1 Esito=no Utente=a Da=X", "2 Esito=no Utente=a Da=y", "3 Esito=no Utente=a", "4 Esito=no Utente=a Da=z")
	if len(out) != 1 || out[0].Count != 3 || out[0].Events != 4 || len(out[0].Samples) != 3 || r.c.Counters.Valueless != 1 {
		t.Errorf("%+v %+v", out, r.c.Counters)
	}
	r = newReplay(t, correlation("value_count", "fallito", "  condition: {field: [Da, A], gte: 3}"))
	if out := r.play("0 Esito=no Utente=a Da=x A=y", "1 Esito=no Utente=a Da=y A=x", "2 Esito=no Utente=a Da=xy A=z", "3 Esito=no Utente=a Da=x A=y"); len(out) != 1 {
		t.Errorf("pairs: %+v", out)
	}
}

func TestAllRulesMustFireInAnyOrderOrInTheirs(t *testing.T) {
	r := newReplay(t, correlation("temporal", "fallito, riuscito", ""))
	if out := r.play("0 Esito=si Utente=a", "30 Esito=no Utente=b", "59 Esito=no Utente=a"); len(out) != 1 || out[0].Count != 2 {
		t.Errorf("any order: %+v", out)
	}
	r = newReplay(t, correlation("temporal", "fallito, riuscito, misura", "  condition: {gte: 2}"))
	if out := r.play("0 Esito=si Utente=a", "30 N=1 Utente=a"); len(out) != 1 {
		t.Errorf("two of three: %+v", out)
	}
	r = newReplay(t, correlation("temporal_ordered", "fallito, riuscito, misura", ""))
	if out := r.play("0 Esito=si Utente=a", "1 Esito=no Utente=a", "2 N=1 Utente=a"); len(out) != 0 {
		t.Errorf("wrong order: %+v", out)
	}
	if out := r.play("3 Esito=si Utente=a", "4 N=1 Utente=a"); len(out) != 1 {
		t.Errorf("right order: %+v", out)
	}
	if out := r.play("100 Esito=no Utente=b", "130 Esito=si Utente=b", "161 N=1 Utente=b"); len(out) != 0 {
		t.Errorf("longer than the span: %+v", out)
	}
	if out := r.play("200 Esito=no Utente=c", "220 N=1 Utente=c", "210 Esito=si Utente=c"); len(out) != 1 {
		t.Errorf("the middle came late: %+v", out)
	}
}

func TestAnEventDoesNotFollowItself(t *testing.T) {
	r := newReplay(t, correlation("temporal_ordered", "fallito, fallito", ""))
	if out := r.play("0 Esito=no Utente=a"); len(out) != 0 {
		t.Errorf("one event: %+v", out)
	}
	if out := r.play("1 Esito=no Utente=a"); len(out) != 1 {
		t.Errorf("two events: %+v", out)
	}
}

func TestManyFirstStepsDoNotHideTheLast(t *testing.T) {
	r := newReplay(t, correlation("temporal_ordered", "fallito, riuscito, misura", ""))
	r.play("0 Esito=no Utente=a", "1 Esito=si Utente=a")
	for i := range 500 {
		r.play(fmt.Sprintf("%g Esito=no Utente=a", 2+float64(i)/100))
	}
	if out := r.play("10 N=1 Utente=a"); len(out) != 1 {
		t.Errorf("%+v", out)
	}
	if out := r.play("11 N=1 Utente=a", "12 N=1 Utente=a"); len(out) != 0 {
		t.Errorf("told once more without having doubled: %+v", out)
	}
}

func TestNumbersAreAddedAveragedAndRanked(t *testing.T) {
	for kind, want := range map[string]float64{"value_sum": 60, "value_avg": 20, "value_percentile": 20} {
		cond := "  condition: {field: N, gte: " + fmt.Sprint(want) + "}"
		if kind == "value_percentile" {
			cond = "  condition: {field: N, percentile: 50, gte: 20}"
		}
		r := newReplay(t, correlation(kind, "misura", cond))
		out := r.play("0 N=10 Utente=a", "1 N=molti Utente=a", "2 N=20 Utente=a", "3 N=30 Utente=a")
		if len(out) != 1 || out[0].Count != want || r.c.Counters.Valueless != 1 {
			t.Errorf("%s: %+v", kind, out)
		}
	}
}

func TestAPercentileWithoutAShareIsHowRareAValueIs(t *testing.T) {
	r := newReplay(t, correlation("value_percentile", "misura", "  condition: {field: N, lte: 1}"))
	var out []Finding
	for i := range 150 {
		out = append(out, r.play(fmt.Sprintf("%g N=comune Utente=a", float64(i)/10))...)
	}
	if len(out) != 0 {
		t.Fatalf("%+v", out)
	}
	if out := r.play("20 N=raro Utente=a"); len(out) != 1 || out[0].Count > 1 {
		t.Errorf("%+v", out)
	}
}

func TestCorrelationsStandOnOneAnotherAndSpeakForTheirRules(t *testing.T) {
	many := strings.NewReplacer("id: corr", "id: many", "name: insieme", "name: molti").Replace(correlation("event_count", "fallito", "  condition: {gte: 3}"))
	r := newReplay(t, many, correlation("temporal_ordered", "molti, riuscito", ""))
	out := r.play("0 Esito=no Utente=a", "1 Esito=no Utente=a", "2 Esito=si Utente=a", "3 Esito=no Utente=a", "50 Esito=no Utente=a", "62 Esito=si Utente=a")
	if len(out) != 1 || out[0].Rule.ID != "corr" || out[0].Last.Sub(noon) != 62*time.Second {
		t.Fatalf("%+v", out)
	}
	e := r.m.e
	for _, x := range e.Rules() {
		if want := x.ID == "num"; e.Alone(x) != want {
			t.Errorf("%s alone: %v", x.ID, !want)
		}
	}
	r = newReplay(t, correlation("event_count", "fallito", "  generate: true\n  condition: {gte: 3}"))
	if !r.m.e.Alone(r.m.e.Rules()[0]) {
		t.Error("generate keeps the rule speaking")
	}
}

func TestAnAliasJoinsDifferentFields(t *testing.T) {
	c := "title: c\nid: c\nauthor: x\ncorrelation:\n  type: temporal\n  rules: [fallito, riuscito]\n  group-by: [macchina]\n  timespan: 1m\n  aliases: {macchina: {fallito: Da, riuscito: A}}"
	r := newReplay(t, c)
	if out := r.play("0 Esito=no Da=pc1 A=pc9", "1 Esito=si A=pc1", "2 Esito=si A=pc3"); len(out) != 1 || out[0].Group[0] != (GroupValue{"macchina", "pc1"}) {
		t.Errorf("%+v", out)
	}
}

func TestACorrelationWithoutItsRulesIsRefused(t *testing.T) {
	for _, c := range []string{correlation("event_count", "nessuna", "  condition: {gte: 1}"), correlation("event_count", "insieme", "  condition: {gte: 1}")} {
		e, problems := Compile(read(t, append(append([]string{}, base...), c)...), Options{})
		if len(e.Correlations()) != 0 || len(problems) != 1 {
			t.Errorf("%+v", problems)
		}
	}
	for c, want := range map[string]string{
		correlation("event_count", "fallito", ""): "condition", correlation("value_count", "fallito", "  condition: {gte: 1}"): "field",
		correlation("boh", "fallito", "  condition: {gte: 1}"): "value_percentile", correlation("event_count", "fallito", "  condition: {boh: 1}"): `"boh"`,
		strings.Replace(correlation("temporal", "fallito", ""), "1m", "1w", 1): "timespan",
	} {
		if _, problems := ReadRules(strings.NewReader(c), "c.yml", ""); len(problems) != 1 || !strings.Contains(problems[0].What, want) {
			t.Errorf("%s: %+v", want, problems)
		}
	}
}

func TestACorrelationThatWaitsForADeafRuleSaysSo(t *testing.T) {
	rules := read(t, append(append([]string{}, base...), strings.Replace(base[0], "id: fail\nname: fallito", "id: f2\nname: altrove", 1), correlation("temporal", "fallito, altrove", ""))...)
	rules[3].Logsource.Product = "altro"
	_, problems := Compile(rules, Options{Sources: []Logsource{{Product: "prova"}}})
	if len(problems) != 2 || !strings.Contains(problems[1].What, `"altrove"`) {
		t.Errorf("%+v", problems)
	}
}

func TestMillionsOfGroupsDoNotFillTheMemoryAndAreCounted(t *testing.T) {
	r := newReplay(t, correlation("event_count", "fallito", "  condition: {gte: 3}"))
	r.c.MaxGroups, r.c.MaxItems = 100, 1000
	ev := event("Esito", "no", "Utente", "")
	ev.Time = noon
	hits := r.m.Match(ev, nil)
	for i := range 20_000 {
		ev.Fields[1].Value = fmt.Append(nil, i)
		r.c.Feed(hits, ev, nil)
		if i%50 == 0 {
			ev.Time = ev.Time.Add(time.Second)
			ev.Fields[1].Value = []byte("fisso")
			r.c.Feed(hits, ev, nil)
		}
	}
	if r.c.Groups() != 100 || r.c.items > 1000 || r.c.Counters.Evicted < 19_000 {
		t.Errorf("%d groups, %d items, %+v", r.c.Groups(), r.c.items, r.c.Counters)
	}
}

func TestALongAttackIsCountedWholeInLittleRoom(t *testing.T) {
	r := newReplay(t, correlation("event_count", "fallito", "  condition: {gte: 50000}"))
	ev := event("Esito", "no", "Utente", "a")
	hits := r.m.Match(ev, nil)
	var out []Finding
	for i := range 60_000 {
		ev.Time = noon.Add(time.Duration(i) * time.Millisecond / 2)
		out = r.c.Feed(hits, ev, out)
	}
	if len(out) != 1 || out[0].Count != 50_000 || r.c.items > maxMoments {
		t.Errorf("%+v, %d items", out, r.c.items)
	}
}

func TestARestartForgetsNothing(t *testing.T) {
	for _, c := range []string{correlation("event_count", "fallito", "  condition: {gte: 3}"), correlation("value_count", "fallito", "  condition: {field: Da, gte: 3}"), correlation("event_count", "fallito", "  condition: {eq: 3}")} {
		r := newReplay(t, c)
		r.play("0 Esito=no Utente=a Da=x", "1 Esito=no Utente=a Da=y")
		state := r.c.Save()
		after := newReplay(t, c)
		if left, err := after.c.Restore(state); err != nil || left != 0 {
			t.Fatal(left, err)
		}
		out := after.c.Advance(noon.Add(time.Hour), after.play("2 Esito=no Utente=a Da=z"))
		if len(out) != 1 || out[0].Count != 3 {
			t.Errorf("%+v", out)
		}
		changed := newReplay(t, strings.Replace(c, "timespan: 1m", "timespan: 2m", 1))
		if left, err := changed.c.Restore(state); err != nil || left != 1 || changed.c.Groups() != 0 {
			t.Error("the state of another definition was taken over")
		}
		for i := range state {
			_, err := newReplay(t, c).c.Restore(state[:i])
			if err == nil {
				t.Errorf("cut at %d of %d it was taken for whole", i, len(state))
			}
		}
	}
}

func TestWhatWasToldBeforeARestartIsNotToldAgain(t *testing.T) {
	c := correlation("event_count", "fallito", "  condition: {gte: 2}")
	r := newReplay(t, c)
	if out := r.play("0 Esito=no Utente=a", "1 Esito=no Utente=a"); len(out) != 1 {
		t.Fatalf("%+v", out)
	}
	after := newReplay(t, c)
	if _, err := after.c.Restore(r.c.Save()); err != nil {
		t.Fatal(err)
	}
	if out := after.play("2 Esito=no Utente=a"); len(out) != 0 {
		t.Errorf("%+v", out)
	}
	if out := after.play("3 Esito=no Utente=a"); len(out) != 1 || out[0].New {
		t.Errorf("%+v", out)
	}
}

func FuzzRestore(f *testing.F) {
	r := newReplay(f, correlation("temporal_ordered", "fallito, riuscito", ""), strings.NewReplacer("id: corr", "id: c2", "insieme", "i2").Replace(correlation("event_count", "fallito", "  condition: {lt: 9}")))
	r.play("0 Esito=no Utente=a", "1 Esito=no Utente=b", "2 Esito=si Utente=a")
	f.Add(r.c.Save())
	e := r.m.e
	f.Fuzz(func(t *testing.T, b []byte) {
		c := e.NewCorrelator()
		if _, err := c.Restore(b); err != nil && c.Groups() > 0 {
			t.Fatal("groups of a damaged state")
		}
		again := &replay{e.NewMatcher(), c}
		again.play("3 Esito=no Utente=a", "4 Esito=si Utente=b")
		c.Advance(noon.Add(time.Hour), nil)
	})
}
