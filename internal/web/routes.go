package web

import "filo/access"

// Route is one page or form. The isolation test walks the list: a route that
// has no entry there fails it.
type Route struct {
	Method  string
	Pattern string
	Open    bool          // for people who are not signed in
	Who     []access.Kind // which seats; none: every seat
	Upload  bool          // reads its own body
	serve   handler
}

var (
	bodies = []access.Kind{access.Body, access.Operator}
	police = []access.Kind{access.Centre, access.National}
	both   = []access.Kind{access.Body, access.Operator, access.Centre, access.National}
	// Who sees how far the agreements reach: never a Comune about its neighbours.
	overview = []access.Kind{access.Centre, access.National, access.ANCI}
	member   = []access.Kind{access.Body, access.Operator, access.Centre, access.National, access.ANCI}
)

// Routes lists all pages and forms.
func Routes() []Route {
	get := func(p string, who []access.Kind, h handler) Route {
		return Route{Method: "GET", Pattern: p, Who: who, serve: h}
	}
	post := func(p string, who []access.Kind, h handler) Route {
		return Route{Method: "POST", Pattern: p, Who: who, serve: h}
	}
	open := func(m, p string, h handler) Route { return Route{Method: m, Pattern: p, Open: true, serve: h} }
	return []Route{
		open("GET", "/entra", (*Server).loginPage), open("POST", "/entra", (*Server).login),
		open("GET", "/entra/codice", (*Server).codePage), open("POST", "/entra/codice", (*Server).code),
		open("GET", "/entra/imposta", (*Server).setupPage), open("POST", "/entra/imposta", (*Server).setup),
		open("GET", "/invito", (*Server).invitePage), open("POST", "/invito", (*Server).accept),
		open("POST", "/esci", (*Server).logout), open("GET", "/accessibilita", (*Server).accessibility),
		open("POST", "/lingua", (*Server).language),

		get("/{$}", nil, (*Server).home), get("/live", nil, (*Server).liveStream),
		get("/account", nil, (*Server).account), post("/account/sede", nil, (*Server).seat),
		post("/account/sessioni/{session}/chiudi", nil, (*Server).endSession), post("/account/altre", nil, (*Server).endOthers),
		post("/account/passkey/inizia", nil, (*Server).passkeyAddBegin), post("/account/passkey/{passkey}/togli", nil, (*Server).passkeyRemove),
		{Method: "POST", Pattern: "/account/passkey/fine", Upload: true, serve: (*Server).passkeyAddFinish},
		open("POST", "/entra/passkey/inizia", (*Server).passkeyEnterBegin),
		{Method: "POST", Pattern: "/entra/passkey/fine", Open: true, Upload: true, serve: (*Server).passkeyEnterFinish},
		open("POST", "/entra/oidc", (*Server).oidcBegin), open("GET", "/entra/oidc/ritorno", (*Server).oidcReturn),
		post("/account/chiavi", nil, (*Server).newToken), post("/account/chiavi/{token}/togli", nil, (*Server).revokeToken),

		get("/segnala", both, (*Server).reportStart), post("/segnala", both, (*Server).reportBegin),
		get("/segnala/{id}/{step}", both, (*Server).reportStep), post("/segnala/{id}/{step}", both, (*Server).reportSave),
		{Method: "POST", Pattern: "/segnala/{id}/file", Who: both, Upload: true, serve: (*Server).reportUpload},
		get("/segnalazioni", both, (*Server).reportList), get("/segnalazioni/{id}", both, (*Server).reportRead),
		get("/segnalazioni/{id}/ricevuta", both, (*Server).receipt), get("/segnalazioni/{id}/ricevuta.txt", both, (*Server).receiptText),
		post("/segnalazioni/{id}/prendi", both, (*Server).reportTake), post("/segnalazioni/{id}/messaggio", both, (*Server).reportSay),
		post("/segnalazioni/{id}/nota", police, (*Server).reportNote), post("/segnalazioni/{id}/classifica", police, (*Server).reportClassify),
		post("/segnalazioni/{id}/stato", both, (*Server).reportMove), post("/segnalazioni/{id}/osservabile", both, (*Server).reportObserve),
		post("/segnalazioni/{id}/file/{file}", police, (*Server).reportDownload),

		get("/segnalazioni/{id}/allerta", police, (*Server).warnPage), post("/segnalazioni/{id}/allerta", police, (*Server).warn),
		get("/allerte", both, (*Server).alertList), get("/allerte/{id}", both, (*Server).alertRead),
		post("/allerte/{id}/risposta", bodies, (*Server).alertAnswer), post("/allerte/{id}/sollecita", police, (*Server).alertRemind),
		post("/allerte/{id}/richiama", police, (*Server).alertRecall),
		get("/indicatori", police, (*Server).indicatorList),
		get("/ricerche", both, (*Server).huntList), get("/ricerche/nuova", police, (*Server).huntNew), post("/ricerche", police, (*Server).huntOpen),
		get("/ricerche/{id}", both, (*Server).huntRead), post("/ricerche/{id}/consegna", bodies, (*Server).huntRelease),

		get("/agenti", bodies, (*Server).agentList), post("/agenti/invita", bodies, (*Server).agentInvite),
		post("/agenti/{id}/revoca", bodies, (*Server).agentRevoke), post("/agenti/scelte", bodies, (*Server).agentChoose),
		get("/rilevazioni", bodies, (*Server).findingList), get("/rilevazioni/{id}", bodies, (*Server).findingRead),
		post("/rilevazioni/{id}/segnala", bodies, (*Server).findingReport), post("/rilevazioni/{id}/ignora", bodies, (*Server).findingIgnore),
		post("/rilevazioni/{id}/righe", bodies, (*Server).findingLines), post("/rilevazioni/{id}/fidati", bodies, (*Server).findingTrust),

		get("/ente", bodies, (*Server).ownBody), get("/enti/{id}", both, (*Server).bodyRead), post("/enti/{id}/{noun}", both, (*Server).bodyAdd),
		post("/enti/{id}/{noun}/{row}/togli", both, (*Server).bodyRemove), get("/territorio", police, (*Server).territoryList),
		post("/territorio", police, (*Server).territoryAdd), get("/centri/{centre}", both, (*Server).centreRead), post("/centri/{centre}", police, (*Server).centrePresent),
		post("/enti/{id}/deleghe", both, (*Server).delegate), post("/enti/{id}/deleghe/{row}/ritira", both, (*Server).undelegate),
		get("/protocollo", bodies, (*Server).ownAgreement), get("/protocolli", member, (*Server).agreementList),
		get("/protocolli/copertura", overview, (*Server).agreementCover), get("/protocolli/scadenze", member, (*Server).agreementCalendar),
		get("/protocolli/{id}", member, (*Server).agreementRead), post("/protocolli", police, (*Server).agreementOpen),
		post("/protocolli/{id}/condizioni", police, (*Server).agreementAmend),
		{Method: "POST", Pattern: "/protocolli/{id}/documenti", Who: both, Upload: true, serve: (*Server).agreementAttach},
		get("/protocolli/{id}/documenti/{document}", member, (*Server).agreementDocument),
		post("/protocolli/{id}/passo", both, (*Server).agreementStep), post("/protocolli/{id}/clausole", police, (*Server).agreementClauses),
		get("/persone", both, (*Server).people), post("/persone", both, (*Server).peopleInvite),
	}
}
