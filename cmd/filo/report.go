package main

import (
	_ "embed"
	"html/template"
	"os"
	"strings"
	"time"

	"filo/internal/clock"
	"filo/internal/edge"
	"filo/internal/i18n"
	"filo/internal/wire"
)

//go:embed report.html
var reportHTML string

// maxRows is how many sources of one rule the report for people names.
const maxRows = 10

// scanReport is what the report for people shows.
type scanReport struct {
	i18n.Texts
	Lang     string
	Made     string
	Grave    string // how many grave things; empty: none
	Lines    string
	Logs     string
	Sources  string
	Attempts string
	Groups   []reportGroup
	Hits     []edge.Hit
	Lacks    []wire.Check // each once
	Read     []wire.Source
}

// reportGroup is what one rule found.
type reportGroup struct {
	Title, Text, Severity, Author, License, Sample, More string
	Rows                                                 []reportRow
	n                                                    int
}

type reportRow struct {
	Who, Users, When string
	Count            int
}

// When says from when to when, as people say it.
func (r scanReport) When(from, to time.Time) string {
	from, to = from.In(clock.Rome), to.In(clock.Rome)
	day := r.Texts.Day(from)
	switch {
	case from.Format("2006-01-02 15:04") == to.Format("2006-01-02 15:04"):
		return day + ", " + from.Format("15:04")
	case from.Format(time.DateOnly) == to.Format(time.DateOnly):
		return day + ", " + from.Format("15:04") + "–" + to.Format("15:04")
	}
	return day + ", " + from.Format("15:04") + " – " + r.Texts.Day(to) + ", " + to.Format("15:04")
}

// Number64 writes a count.
func (r scanReport) Number64(n uint64) string { return r.Number(int(n)) }

func some(list []string) string {
	const most = 6
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:most], ", ") + ", …"
}

// groups keeps the findings of one rule together, the gravest rule first.
func (r scanReport) groups(list []wire.Finding) []reportGroup {
	var out []reportGroup
	at := map[string]int{}
	for _, f := range list { // worst first
		i, ok := at[f.Rule]
		if !ok {
			i = len(out)
			at[f.Rule] = i
			g := reportGroup{Title: f.Title, Severity: f.Severity, Author: f.Author, License: f.License}
			if key := "word.rule." + f.Rule; r.Has(key) {
				g.Title = r.T(key)
			}
			if key := "rule.text." + f.Rule; r.Has(key) {
				g.Text = r.T(key)
			}
			if f.Severity == "high" && len(f.Samples) > 0 {
				g.Sample = f.Samples[0]
			}
			out = append(out, g)
		}
		g := &out[i]
		if g.n++; g.n > maxRows {
			g.More = r.Number(g.n - maxRows)
			continue
		}
		who := f.SourceIP
		if who == "" {
			who = f.Subject
		}
		g.Rows = append(g.Rows, reportRow{Who: who, Users: some(f.Users), When: r.When(f.First, f.Last), Count: f.Count})
	}
	return out
}

// writeReport writes the report for people, in one file without anything from
// elsewhere.
func writeReport(path, lang string, s *edge.Scan) error {
	page, err := template.New("report").Parse(reportHTML)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := page.Execute(f, newReport(lang, s)); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func newReport(lang string, s *edge.Scan) scanReport {
	r := scanReport{Texts: i18n.For(lang), Lang: lang, Hits: s.Hits, Read: s.Sources}
	r.Made = r.When(s.Clock.Now(), s.Clock.Now())
	r.Groups = r.groups(s.Findings)
	var lines uint64
	grave, attempts, from := 0, 0, map[string]bool{}
	for _, src := range s.Sources {
		lines += src.Lines
		for _, c := range src.Checks {
			if !c.OK && c.Fix != "" && !hasCheck(r.Lacks, c.Name) {
				r.Lacks = append(r.Lacks, c)
			}
		}
	}
	for _, f := range s.Findings {
		if f.Severity == "high" {
			grave++
		}
		attempts += f.Count
		if f.SourceIP != "" {
			from[f.SourceIP] = true
		}
	}
	if grave+len(s.Hits) > 0 {
		r.Grave = r.Number(grave + len(s.Hits))
	}
	r.Lines, r.Logs, r.Sources, r.Attempts = r.Number(int(lines)), r.Number(len(s.Sources)), r.Number(len(from)), r.Number(attempts)
	return r
}

func hasCheck(list []wire.Check, name string) bool {
	for _, c := range list {
		if c.Name == name {
			return true
		}
	}
	return false
}
