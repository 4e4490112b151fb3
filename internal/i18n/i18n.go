// Package i18n holds every sentence that filo says to people, in Italian and in
// English, and writes numbers and times as people say them.
package i18n

import (
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

//go:embed it.json en.json
var files embed.FS

// Languages lists the languages; the first is the one for people who chose none.
var Languages = []string{"it", "en"}

var catalogs = load()

func load() map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, l := range Languages {
		b, err := files.ReadFile(l + ".json")
		if err != nil {
			panic(err) // embedded
		}
		m := map[string]string{}
		if err := json.Unmarshal(b, &m); err != nil {
			panic(fmt.Sprintf("i18n: %s.json: %v", l, err)) // embedded, read by the first test
		}
		out[l] = m
	}
	return out
}

// Texts speaks one language.
type Texts struct {
	Lang string
	m    map[string]string
}

// For gives the texts of a language; an unknown one is Italian.
func For(lang string) Texts {
	m, ok := catalogs[lang]
	if !ok {
		lang, m = "it", catalogs["it"]
	}
	return Texts{lang, m}
}

// Has reports whether the key has a sentence.
func (t Texts) Has(key string) bool { _, ok := t.m[key]; return ok }

// T gives the sentence of a key with {0}, {1}... filled in. A key that is
// missing prints itself; tests find it.
func (t Texts) T(key string, args ...any) string {
	s, ok := t.m[key]
	if !ok {
		return key
	}
	for i, a := range args {
		s = strings.ReplaceAll(s, "{"+strconv.Itoa(i)+"}", t.arg(a))
	}
	return s
}

func (t Texts) arg(a any) string {
	switch x := a.(type) {
	case int:
		return t.Number(x)
	case time.Duration:
		return t.Duration(x)
	default:
		return fmt.Sprint(x)
	}
}

// N gives the sentence for a count: key.one for 1, key.other else; {0} is the count.
func (t Texts) N(key string, n int, args ...any) string {
	if n == 1 {
		key += ".one"
	} else {
		key += ".other"
	}
	return t.T(key, append([]any{n}, args...)...)
}

// Number writes 1.234.567 in Italian, 1,234,567 in English.
func (t Texts) Number(n int) string {
	s := strconv.Itoa(n)
	sep := "."
	if t.Lang == "en" {
		sep = ","
	}
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + sep + s[i:]
	}
	if neg {
		s = "-" + s
	}
	return s
}

// Bytes writes a size.
func (t Texts) Bytes(n int64) string {
	switch {
	case n >= 1<<20:
		return t.Number(int(n>>20)) + " MB"
	case n >= 1<<10:
		return t.Number(int(n>>10)) + " kB"
	default:
		return t.Number(int(n)) + " byte"
	}
}

// Instant writes a time as people say it: "oggi alle 14:32, 8 minuti fa".
func (t Texts) Instant(at, now time.Time, zone *time.Location) string {
	if at.IsZero() {
		return t.T("time.unknown")
	}
	l, n := at.In(zone), now.In(zone)
	days := dayNumber(n) - dayNumber(l)
	clock := l.Format("15:04")
	var day string
	switch days {
	case 0:
		day = t.T("time.today", clock)
	case 1:
		day = t.T("time.yesterday", clock)
	case -1:
		day = t.T("time.tomorrow", clock)
	default:
		return t.T("time.on", t.Day(l), clock)
	}
	d := now.Sub(at)
	if d < 0 {
		return t.T("time.in", day, t.Duration(-d))
	}
	if d < 30*time.Second {
		return t.T("time.now", day)
	}
	return t.T("time.ago", day, t.Duration(d))
}

func dayNumber(t time.Time) int {
	return int(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Day writes a day: "24 novembre 2026".
func (t Texts) Day(d time.Time) string {
	return fmt.Sprintf("%d %s %d", d.Day(), t.T("month."+strconv.Itoa(int(d.Month()))), d.Year())
}

// Exact writes the instant with its zone, for those who need it.
func (t Texts) Exact(at time.Time, zone *time.Location) string {
	if at.IsZero() {
		return ""
	}
	return at.In(zone).Format("2006-01-02 15:04:05 MST") + " · " + at.UTC().Format("2006-01-02T15:04:05Z")
}

// Duration writes the largest unit that fits.
func (t Texts) Duration(d time.Duration) string {
	d = d.Abs()
	switch {
	case d < time.Minute:
		return t.N("time.seconds", int(d/time.Second))
	case d < time.Hour:
		return t.N("time.minutes", int(d/time.Minute))
	case d < 48*time.Hour:
		return t.N("time.hours", int(d/time.Hour))
	default:
		return t.N("time.days", int(d/(24*time.Hour)))
	}
}
