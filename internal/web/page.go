package web

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"filo/access"
	"filo/entry"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/i18n"
	"filo/internal/web/static"
)

//go:embed pages
var pageFiles embed.FS

// Base is what every page knows.
type Base struct {
	i18n.Texts
	Viewer   access.Viewer
	Signed   entry.Signed
	At       time.Time
	Title    string
	Path     string
	Live     bool
	Narrow   bool
	Exercise bool
	Wrong    error      // of the form that was sent
	sent     url.Values // the form itself, so that nothing typed is lost
	told     *told
}

// told remembers, while a page is written, whether its error found a place.
type told struct{ atField, onTop bool }

func (s *Server) base(r *http.Request, g entry.Signed) Base {
	return Base{Texts: i18n.For(s.lang(r, g)), Viewer: g.Viewer, Signed: g, At: s.Clock.Now(), Path: r.URL.Path, told: &told{}}
}

// with gives the base under a title.
func (q *req) with(key string, args ...any) Base {
	b := q.b
	b.Title = b.T(key, args...)
	return b
}

// Link is one entry of the navigation.
type Link struct {
	URL, Label string
	Here       bool
}

// Nav gives the navigation of the viewer's seat.
func (b Base) Nav() []Link {
	var urls []string
	switch b.Viewer.Kind {
	case access.Body, access.Operator:
		urls = []string{"/", "/segnalazioni", "/allerte", "/rilevazioni", "/ricerche", "/agenti", "/ente", "/protocollo"}
	case access.Centre, access.National:
		urls = []string{"/", "/segnalazioni", "/allerte", "/indicatori", "/ricerche", "/territorio", "/protocolli", "/persone"}
	case access.ANCI:
		urls = []string{"/", "/protocolli"}
	}
	if b.Viewer.Kind == access.Body && b.Viewer.May(access.Manager) {
		urls = append(urls, "/persone")
	}
	out := make([]Link, len(urls))
	for i, u := range urls {
		key := "nav" + strings.ReplaceAll(u, "/", ".")
		if u == "/" {
			key = "nav.home"
			if b.Viewer.Police() {
				key = "nav.coda"
			}
		}
		out[i] = Link{u, b.T(key), b.Path == u || u != "/" && strings.HasPrefix(b.Path, u)}
	}
	return out
}

// When writes an instant with its exact form on demand.
func (b Base) When(t time.Time) template.HTML {
	if t.IsZero() {
		return template.HTML(template.HTMLEscapeString(b.T("time.unknown")))
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, t.UTC().Format(time.RFC3339),
		template.HTMLEscapeString(b.Exact(t, clock.Rome)), template.HTMLEscapeString(b.Instant(t, b.At, clock.Rome))))
}

// Exactly writes an instant for paper, where nothing is shown on demand.
func (b Base) Exactly(t time.Time) string {
	if t.IsZero() {
		return b.T("time.unknown")
	}
	l := t.In(clock.Rome)
	return b.Texts.Day(l) + ", " + l.Format("15:04:05 MST") + " (" + t.UTC().Format(time.RFC3339) + ")"
}

// Lines gives a text of several lines, to be listed.
func (b Base) Lines(key string) []string { return strings.Split(b.T(key), "\n") }

// Spelled writes a code as people say it on the phone, a word for each letter.
func (b Base) Spelled(code string) string {
	words := map[string]string{}
	for _, w := range strings.Split(b.T("spell.letters"), "|") {
		words[w[:1]] = w
	}
	var out []string
	for _, r := range code {
		if r == '-' {
			continue
		}
		w, ok := words[string(r)]
		if !ok {
			w = string(r)
		}
		out = append(out, w)
	}
	return strings.Join(out, " · ")
}

// DayOf writes a calendar day.
func (b Base) DayOf(d clock.Day) string {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return b.T("time.unknown")
	}
	return b.Texts.Day(t)
}

// faultNames are the words by which the domains call fields that a form names
// in Italian.
var faultNames = map[string]string{
	"titolo": "title", "cosa": "what", "valori": "values", "consigli": "advice", "regola": "rule", "perche": "why", "motivo": "reason",
	"fidati": "allow", "inizio": "began", "saputo": "known", "attendibilita": "confidence",
}

// Error gives the sentence for a field that was wrong.
func (b Base) Error(field string) string {
	if b.Wrong == nil {
		return ""
	}
	f := fault.Outside(b.Wrong)
	if f.Field == "" || f.Field != field && f.Field != faultNames[field] {
		return ""
	}
	b.told.atField = true
	return b.T(f.Key, f.Args...)
}

// OnTop gives the sentence of an error that has no field of its own on the
// page: no refusal stays without its reason.
func (b Base) OnTop() string {
	if b.Wrong == nil || !b.told.onTop {
		return ""
	}
	f := fault.Outside(b.Wrong)
	return b.T(f.Key, f.Args...)
}

// Word gives the word for a value of a closed set: word "state" "ricevuta".
func (b Base) Word(set string, value any) string {
	s := fmt.Sprint(value)
	if s == "" {
		s = "none"
	}
	return b.T("word." + set + "." + strings.ToLower(strings.ReplaceAll(s, "+", "_")))
}

// Tone gives the colour that goes with a word: never the colour alone.
func Tone(v any) string {
	switch fmt.Sprint(v) {
	case "urgente", "high", "RED", "ricevuta", "incidente_trovato", "visto", "cessato", "richiamata", "richiamato", "sospeso":
		return "red"
	case "alta", "medium", "AMBER", "AMBER+STRICT", "in_lavorazione", "presa_in_carico", "disdetta_comunicata", "bozza", "nuova", "in_approvazione", "non_verificabile":
		return "amber"
	case "bassa", "low", "none", "GREEN", "CLEAR", "chiusa", "stabile", "in_vigore", "nessuna_evidenza", "non_vulnerabile", "non_visto", "attivo", "pubblicata":
		return "green"
	}
	return ""
}

// Tag writes a value of a closed set as word, shape and colour.
func (b Base) Tag(set string, value any) template.HTML {
	word := b.Word(set, value)
	if set == "tlp" {
		word = "TLP:" + fmt.Sprint(value)
	}
	return template.HTML(`<span class="tag ` + Tone(value) + `">` + template.HTMLEscapeString(word) + `</span>`)
}

// Copy writes a technical value in a fixed-width face with a button that copies it.
func (b Base) Copy(v any) template.HTML {
	s := template.HTMLEscapeString(fmt.Sprint(v))
	return template.HTML(fmt.Sprintf(`<span class="code">%s</span> <button type="button" class="copy" data-copy="%s" data-done="%s" aria-label="%s">%s</button>`,
		s, s, b.T("ui.copied"), template.HTMLEscapeString(b.T("ui.copy_what", fmt.Sprint(v))), b.T("ui.copy")))
}

// CopyAll makes a button that copies what a table shows, as lines to paste.
func (b Base) CopyAll(text, label string) template.HTML {
	return template.HTML(fmt.Sprintf(`<button type="button" class="copy" data-copy="%s" data-done="%s">%s</button>`,
		template.HTMLEscapeString(text), template.HTMLEscapeString(b.T("ui.copied")), template.HTMLEscapeString(label)))
}

// Input is one labelled field, with hint, error and kept value.
type Input struct {
	Name, Label, Hint, Error, Type, Value, Auto string
	Required                                    bool
}

// Sent gives what was typed into a field of a form that was wrong, else the
// value that the field has.
func (b Base) Sent(name string, value any) string {
	if b.Wrong != nil && b.sent.Has(name) {
		return b.sent.Get(name)
	}
	return fmt.Sprint(value)
}

// Field makes a labelled field; kind is an input type or "textarea".
func (b Base) Field(name, kind, key, value string) Input {
	if kind != "password" && name != "code" {
		value = b.Sent(name, value)
	}
	in := Input{Name: name, Label: b.T(key), Type: kind, Value: value, Error: b.Error(name)}
	if h := key + ".hint"; b.Has(h) {
		in.Hint = b.T(h)
	}
	switch name {
	case "login":
		in.Auto = "username"
	case "password":
		in.Auto = "current-password"
	case "code":
		in.Auto = "one-time-code"
	}
	return in
}

var funcs = template.FuncMap{
	"asset": static.URL,
	"add":   func(a, b int) int { return a + b },
	"int":   func(n uint64) int { return int(n) },
	"has": func(list any, x any) bool {
		return strings.Contains(" "+strings.Trim(fmt.Sprint(list), "[]")+" ", " "+fmt.Sprint(x)+" ")
	},
	"join": strings.Join,
	"dict": func(kv ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i+1 < len(kv); i += 2 {
			m[fmt.Sprint(kv[i])] = kv[i+1]
		}
		return m
	},
	"str": func(v any) string { return fmt.Sprint(v) },
}

func parsePages() (map[string]*template.Template, error) {
	layout, err := template.New("layout").Funcs(funcs).ParseFS(pageFiles, "pages/layout.html", "pages/parts.html")
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	out := map[string]*template.Template{}
	err = fs.WalkDir(pageFiles, "pages", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == "pages/layout.html" || path == "pages/parts.html" {
			return err
		}
		t, err := layout.Clone()
		if err != nil {
			return err
		}
		if t, err = t.ParseFS(pageFiles, path); err != nil {
			return fmt.Errorf("pages: %w", err)
		}
		out[strings.TrimSuffix(strings.TrimPrefix(path, "pages/"), ".html")] = t
		return nil
	})
	return out, err
}
