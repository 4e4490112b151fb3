package territory

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"filo/internal/clock"

	"golang.org/x/text/encoding/charmap"
)

// Row is one Comune as a public list names it. Empty fields are not in the list.
type Row struct {
	Line       int
	Name       string
	SecondName string
	Belfiore   string
	ISTAT      string
	IPA        string
	Province   string
	Region     string
	PEC        string
	Population int
}

// Trouble is a row that could not be read: it never stops the others.
type Trouble struct {
	Line int
	What string
}

// maxList is the largest list read, in bytes; the real ones are below 20 MB.
const maxList = 64 << 20

// the columns that a list may have, by words of their headers, lower case.
var columns = map[string][]string{
	"name":     {"denominazione in italiano", "denominazione_ente", "des_amm", "comune"},
	"second":   {"denominazione altra lingua"},
	"belfiore": {"codice catastale", "codice_catastale_comune", "codice catastale del comune"},
	"istat":    {"codice comune formato alfanumerico", "codice_comune_istat"},
	"ipa":      {"codice_ipa", "cod_amm"},
	"province": {"sigla automobilistica", "provincia", "sigla"},
	"region":   {"denominazione regione", "regione"},
	"mail1":    {"mail1", "pec"}, "mail1-kind": {"tipo_mail1"},
	"mail2": {"mail2"}, "mail2-kind": {"tipo_mail2"}, "mail3": {"mail3"}, "mail3-kind": {"tipo_mail3"},
	"mail4": {"mail4"}, "mail4-kind": {"tipo_mail4"}, "mail5": {"mail5"}, "mail5-kind": {"tipo_mail5"},
	"population": {"popolazione legale"},
	"category":   {"codice_categoria", "cod_categoria"},
}

// ReadList reads the official list of Comuni of ISTAT (CSV, semicolon,
// Windows-1252, header cells with line breaks) or the dump of IndicePA
// (tab or comma, UTF-8). It finds its columns by their headers.
func ReadList(r io.Reader) ([]Row, []Trouble, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxList+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read list: %w", err)
	}
	if len(b) > maxList {
		return nil, nil, fmt.Errorf("the list is larger than %d MB", maxList>>20)
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(b) {
		if b, err = charmap.Windows1252.NewDecoder().Bytes(b); err != nil {
			return nil, nil, fmt.Errorf("the list is neither UTF-8 nor Windows-1252: %w", err)
		}
	}
	c := csv.NewReader(bytes.NewReader(b))
	c.Comma, c.LazyQuotes, c.FieldsPerRecord = separator(b), true, -1
	head, err := c.Read()
	if err != nil {
		return nil, nil, fmt.Errorf("the list has no header: %w", err)
	}
	at := find(head)
	if _, ok := at["name"]; !ok {
		return nil, nil, errors.New("the list has no column with the name of the Comune: is it the ISTAT list or the IndicePA dump?")
	}
	if _, ok := at["belfiore"]; !ok {
		if _, ok := at["ipa"]; !ok {
			return nil, nil, errors.New("the list has neither the codice catastale nor the codice IPA: rows cannot be told apart")
		}
	}
	return readRows(c, at)
}

// separator guesses the separator from the header's own characters.
func separator(b []byte) rune {
	head := b[:min(len(b), 4096)]
	best, most := ';', 0
	for _, r := range []rune{';', '\t', ','} {
		if n := bytes.Count(head, []byte(string(r))); n > most {
			best, most = r, n
		}
	}
	return best
}

func find(head []string) map[string]int {
	at := map[string]int{}
	for i, h := range head {
		h = strings.ToLower(strings.Join(strings.Fields(h), " "))
		for key, names := range columns {
			if _, have := at[key]; have {
				continue
			}
			for _, n := range names {
				if h == n || (len(n) > 12 && strings.HasPrefix(h, n)) {
					at[key] = i
					break
				}
			}
		}
	}
	return at
}

func readRows(c *csv.Reader, at map[string]int) ([]Row, []Trouble, error) {
	var rows []Row
	var bad []Trouble
	seen := map[string]int{}
	for {
		rec, err := c.Read()
		line, _ := c.FieldPos(0)
		if errors.Is(err, io.EOF) {
			return rows, bad, nil
		}
		if err != nil {
			bad = append(bad, Trouble{line, err.Error()})
			continue
		}
		row, skip, what := parseRow(rec, at, line)
		switch {
		case skip:
			continue
		case what != "":
			bad = append(bad, Trouble{line, what})
			continue
		}
		if first, twice := seen[row.Belfiore]; twice {
			bad = append(bad, Trouble{line, fmt.Sprintf("codice catastale %s stands at line %d already", row.Belfiore, first)})
			continue
		}
		seen[row.Belfiore] = line
		rows = append(rows, row)
	}
}

// mails are the columns of addresses of IndicePA, each with its kind.
var mails = []string{"mail1", "mail2", "mail3", "mail4", "mail5"}

// certified gives the first address that the dump calls a PEC; the column of
// ISTAT-like lists that say nothing of kinds is believed.
func certified(get func(string) string) string {
	for i, mail := range mails {
		switch kind := get(mail + "-kind"); {
		case get(mail) == "":
		case strings.EqualFold(kind, "pec"), kind == "" && i == 0:
			return strings.ToLower(get(mail))
		}
	}
	return ""
}

func parseRow(rec []string, at map[string]int, line int) (row Row, skip bool, what string) {
	get := func(key string) string {
		i, ok := at[key]
		if !ok || i >= len(rec) {
			return ""
		}
		return strings.TrimSpace(rec[i])
	}
	if cat := get("category"); cat != "" && cat != "L6" { // IndicePA: L6 = Comuni
		return row, true, ""
	}
	row = Row{
		Line: line, Name: get("name"), SecondName: get("second"), Belfiore: strings.ToUpper(get("belfiore")), ISTAT: get("istat"),
		IPA: strings.ToLower(get("ipa")), Province: strings.ToUpper(get("province")), Region: get("region"), PEC: certified(get),
	}
	if row.Name == "" && row.Belfiore == "" {
		return row, true, "" // blank lines and footnotes
	}
	if row.Belfiore == "" && len(row.IPA) == 6 && strings.HasPrefix(row.IPA, "c_") {
		row.Belfiore = strings.ToUpper(row.IPA[2:])
	}
	row.Region, _, _ = strings.Cut(row.Region, "/")
	row.Name = strings.TrimPrefix(row.Name, "Comune di ")
	if p := get("population"); p != "" {
		n, err := strconv.Atoi(strings.ReplaceAll(p, ".", ""))
		if err != nil {
			return row, false, fmt.Sprintf("population %q is no number", p)
		}
		row.Population = n
	}
	if !plausibleBelfiore(row.Belfiore) {
		return row, false, fmt.Sprintf("codice catastale %q: want a letter and three digits", row.Belfiore)
	}
	if row.Name == "" {
		return row, false, "the name is missing"
	}
	return row, false, ""
}

func plausibleBelfiore(s string) bool {
	return len(s) == 4 && s[0] >= 'A' && s[0] <= 'Z' && strings.Trim(s[1:], "0123456789") == ""
}

// Event is one dated change of the map, from changes.csv of the territory pack.
type Event struct {
	Day      clock.Day
	Kind     string // nuovo, fuso, nome, provincia
	Belfiore string
	Name     string
	Province string
	ISTAT    string
	Into     string // Belfiore of the Comune it went into
	Verified bool
}

// ReadEvents reads changes.csv.
func ReadEvents(r io.Reader) ([]Event, error) {
	recs, err := readPack(r, 8)
	var out []Event
	for _, x := range recs {
		out = append(out, Event{clock.Day(x[0]), x[1], x[2], x[3], x[4], x[5], x[6], x[7] == "si"})
	}
	return out, err
}

// ReadCentres reads centres.csv and provinces.csv.
func ReadCentres(centres, provinces io.Reader) ([]Centre, []Province, error) {
	cs, err := readPack(centres, 5)
	if err != nil {
		return nil, nil, err
	}
	ps, err := readPack(provinces, 7)
	if err != nil {
		return nil, nil, err
	}
	var cout []Centre
	for _, x := range cs {
		c := Centre{ID: idOf(x[0]), Name: x[1], Seat: x[2], SeatSeen: x[3] == "si"}
		if x[4] != "" {
			c.Regions = strings.Split(x[4], ",")
		}
		cout = append(cout, c)
	}
	var pout []Province
	for _, x := range ps {
		pout = append(pout, Province{x[0], x[1], x[2], x[3], idOf(x[4]), x[5], x[6] == "si"})
	}
	return cout, pout, nil
}

func readPack(r io.Reader, fields int) ([][]string, error) {
	c := csv.NewReader(r)
	c.Comma, c.FieldsPerRecord = ';', fields
	recs, err := c.ReadAll()
	if err != nil || len(recs) == 0 {
		return nil, fmt.Errorf("territory pack: %w", err)
	}
	return recs[1:], nil
}

// ReadSections reads sections.csv; the centre is that of the province.
func ReadSections(r io.Reader, provinces []Province) ([]Section, error) {
	recs, err := readPack(r, 4)
	var out []Section
	for _, x := range recs {
		i := slices.IndexFunc(provinces, func(p Province) bool { return p.Sigla == x[0] })
		if i < 0 {
			return nil, fmt.Errorf("sections: no province %s", x[0])
		}
		out = append(out, Section{x[0], provinces[i].Centre, x[1], x[2] == "si", x[3] == "si"})
	}
	return out, err
}
