package territory

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"filo/internal/clock"

	"golang.org/x/text/encoding/charmap"
)

const istatHead = "Codice Regione;\"Codice dell'Unità territoriale sovracomunale \n(valida a fini statistici)\";Codice Comune formato alfanumerico;Denominazione in italiano;Denominazione altra lingua;Denominazione regione;Sigla automobilistica;Codice Catastale del comune;Popolazione legale 2011 (09/10/2011)\r\n"

func TestTheISTATListIsReadWithItsTraps(t *testing.T) {
	text := istatHead + "15;263; 063049 ;Napoli;;Campania;NA;F839;962.003\r\n" +
		"05;206;032004;Sgonico;Zgonik;Friuli-Venezia Giulia;TS;D383;2.000\r\n" +
		"02;007;007003;Aosta;;Valle d'Aosta/Vallée d'Aoste;AO;A326;34.102\r\n" +
		"99;1;x;Sbagliata;;Lazio;RM;12;7\r\n" +
		";;;;;;;;\r\n"
	b, err := charmap.Windows1252.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	rows, bad, err := ReadList(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || len(bad) != 1 || !strings.Contains(bad[0].What, "codice catastale") {
		t.Fatalf("%d rows, troubles %v", len(rows), bad)
	}
	if r := rows[0]; r.Province != "NA" || r.Population != 962003 || r.ISTAT != "063049" {
		t.Errorf("Naples reads as %+v", r)
	}
	if rows[2].Region != "Valle d'Aosta" {
		t.Errorf("a region with two names reads as %q", rows[2].Region)
	}
}

func TestTheIndicePADumpGivesCodesAndPEC(t *testing.T) {
	text := "Codice_IPA\tDenominazione_ente\tCodice_Categoria\tCodice_catastale_comune\tCodice_comune_ISTAT\tMail1\n" +
		"c_c342\tComune di Enna\tL6\tC342\t086009\tprotocollo@pec.comune.enna.example\n" +
		"m_pi\tMinistero\tC1\tH501\t058091\tx@y.example\n" +
		"m343\tComune di Prova\tL6\tM343\t1\tp@q.example\n"
	rows, bad, err := ReadList(strings.NewReader(text))
	if err != nil || len(bad) > 0 || len(rows) != 2 {
		t.Fatalf("%d rows, %v, %v", len(rows), bad, err)
	}
	if rows[0].Name != "Enna" || rows[0].PEC == "" || rows[1].IPA != "m343" {
		t.Errorf("rows %+v", rows)
	}
}

func TestOfSeveralAddressesTheCertifiedOneIsTaken(t *testing.T) {
	text := "Codice_IPA;Denominazione_ente;Codice_Categoria;Codice_catastale_comune;Mail1;Tipo_Mail1;Mail2;Tipo_Mail2\n" +
		"c_f205;Comune di Milano;L6;F205;urp@comune.example;Altro;Protocollo@PEC.comune.example;Pec\n" +
		"c_f839;Comune di Napoli;L6;F839;urp@napoli.example;Altro;;\n" +
		"c_a944;Comune di Bologna;L6;A944;;;pec@bologna.example;Pec\n"
	rows, bad, err := ReadList(strings.NewReader(text))
	if err != nil || len(bad) > 0 || len(rows) != 3 {
		t.Fatalf("%d rows, %v, %v", len(rows), bad, err)
	}
	for i, want := range []string{"protocollo@pec.comune.example", "", "pec@bologna.example"} {
		if rows[i].PEC != want {
			t.Errorf("%s: PEC %q, want %q", rows[i].Name, rows[i].PEC, want)
		}
	}
}

func TestDifferencesAreShownBeforeAnythingChanges(t *testing.T) {
	provinces := []Province{{Sigla: "EN", Region: "Sicilia", Centre: "PA"}, {Sigla: "CL", Region: "Sicilia", Centre: "PA"}}
	have := []Body{
		{ID: "comune-c342", Kind: Comune, Name: "Enna", Belfiore: "C342", Province: "EN", Region: "Sicilia", Centre: "PA", IPA: "c_c342"},
		{ID: "comune-b429", Kind: Comune, Name: "Caltaniseta", Belfiore: "B429", Province: "CL", Region: "Sicilia", Centre: "PA", IPA: "c_b429"},
		{ID: "comune-x", Kind: Comune, Name: "Sparita", Belfiore: "X001", IPA: "c_x001"},
	}
	rows := []Row{{Name: "Enna", Belfiore: "C342", Province: "EN"}, {Name: "Caltanissetta", Belfiore: "B429", Province: "CL"}, {Name: "Nuova", Belfiore: "Z999", Province: "EN"}}
	got := map[string]string{}
	for _, d := range Compare(have, rows, provinces) {
		got[d.Body.Name] = d.Kind
	}
	want := map[string]string{"Caltanissetta": "nome", "Nuova": "nuovo", "Sparita": "manca"}
	if len(got) != len(want) {
		t.Errorf("differences %v, want %v", got, want)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %q, want %q", k, got[k], v)
		}
	}
}

func TestMergersKeepTheOldComuneAndItsHeir(t *testing.T) {
	list := []Body{{ID: ComuneID("L204"), Name: "Tonengo", Belfiore: "L204", Population: 200}, {ID: ComuneID("F709"), Name: "Moransengo", Belfiore: "F709", Population: 190}}
	events := []Event{{Day: "2023-01-01", Kind: "nuovo", Belfiore: "M434", Name: "Moransengo-Tonengo", Province: "AT"}, {Day: "2023-01-01", Kind: "fuso", Belfiore: "L204", Into: "M434"}, {Day: "2023-01-01", Kind: "fuso", Belfiore: "F709", Into: "M434"}}
	got := Replay(list, events, []Province{{Sigla: "AT", Centre: "TO"}}, "2026-11-24")
	if len(got) != 3 || got[0].Until != "2023-01-01" || got[0].Into != ComuneID("M434") || got[2].Population != 390 || got[2].Centre != "TO" {
		t.Errorf("after the merger: %+v", got)
	}
	if before := Replay(list[:2], events, nil, clock.Day("2022-12-31")); len(before) != 2 {
		t.Error("a merger counts before its day")
	}
}

func TestTheSeedNamesEveryCentreAndProvince(t *testing.T) {
	c, err := os.Open("../packs/territory/centres.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p, err := os.Open("../packs/territory/provinces.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	centres, provinces, err := ReadCentres(c, p)
	if err != nil {
		t.Fatal(err)
	}
	if len(centres) != 19 || len(provinces) != 107 {
		t.Errorf("%d centres and %d provinces, want 19 (one national) and 107", len(centres), len(provinces))
	}
	known := map[string]bool{}
	for _, c := range centres {
		known[string(c.ID)] = true
	}
	for _, p := range provinces {
		if !known[string(p.Centre)] || p.District == "" {
			t.Errorf("province %s: centre %q, district %q", p.Sigla, p.Centre, p.District)
		}
	}
}

func FuzzReadList(f *testing.F) {
	f.Add([]byte(istatHead + "15;263;063049;Napoli;;Campania;NA;F839;962.003\r\n"))
	f.Add([]byte("Codice_IPA\tDenominazione_ente\n\"x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, _, err := ReadList(bytes.NewReader(b))
		if err == nil {
			for _, r := range rows {
				if !plausibleBelfiore(r.Belfiore) || r.Name == "" {
					t.Errorf("row without its key: %+v", r)
				}
			}
		}
	})
}
