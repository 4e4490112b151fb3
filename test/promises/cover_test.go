package promises

import (
	"strings"
	"testing"

	"filo/agreement"
)

func TestWhoIsCoveredFollowsTheAgreementsAndIsNoBusinessOfAComune(t *testing.T) {
	d := start(t)
	anci := signIn(t, d, "ANCI", 4)
	if _, page := ask(t, anci, "GET", d.URL+"/protocolli/copertura", objects{}); !strings.Contains(page, "<b>3</b>Comuni coperti") {
		t.Error("ANCI does not read that three Comuni are covered")
	}
	stepOf(t, d, agreement.Suspended)
	if _, page := ask(t, anci, "GET", d.URL+"/protocolli/copertura", objects{}); !strings.Contains(page, "<b>2</b>Comuni coperti") {
		t.Error("a suspended agreement still counts as cover")
	}
	liguria, sicilia := signIn(t, d, "Genova-centro", 4), signIn(t, d, "Palermo", 4)
	if _, page := ask(t, liguria, "GET", d.URL+"/protocolli/copertura", objects{}); !strings.Contains(page, "Genova (GE)") || strings.Contains(page, "Enna (EN)") {
		t.Error("a centre does not see its own provinces and no others")
	}
	if _, page := ask(t, sicilia, "GET", d.URL+"/protocolli/copertura", objects{}); !strings.Contains(page, "<b>2</b>Comuni coperti, su 192") {
		t.Error("Palermo does not read two of its 192 Comuni")
	}
	if code, _ := ask(t, signIn(t, d, "Enna", 4), "GET", d.URL+"/protocolli/copertura", objects{}); code != 404 {
		t.Errorf("a Comune sees who else is covered: %d", code)
	}
}
