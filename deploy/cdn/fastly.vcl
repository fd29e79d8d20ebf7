# Fastly in front of Pare's GET /images: snippets, each for the subroutine in its heading. Fastly heeds Vary: once Accept
# has one of three spellings, Vary: Accept keeps three copies at most. Surrogate-Key lets them be purged by tag, and
# stale-while-revalidate and stale-if-error of the answer hold.

# --- recv ---
if (req.url.path ~ "^/images/") {
  if (req.method != "GET" && req.method != "HEAD" && req.method != "FASTLYPURGE") {
    error 405;
  }
  declare local var.accept STRING;
  set var.accept = "*/*";
  # Pare refuses what it does not know, and signs the sorted query.
  set req.url = querystring.sort(querystring.filter_except(req.url,
    "w" + querystring.filtersep() + "h" + querystring.filtersep() + "fit" + querystring.filtersep() +
    "format" + querystring.filtersep() + "q" + querystring.filtersep() + "dpr" + querystring.filtersep() +
    "sharpen" + querystring.filtersep() + "preset" + querystring.filtersep() + "v" + querystring.filtersep() +
    "exp" + querystring.filtersep() + "kid" + querystring.filtersep() + "sig"));
  if (subfield(req.url.qs, "format", "&") == "auto" || subfield(req.url.qs, "preset", "&")) {
    # A type with q=0 is one that the client does not take.
    if (req.http.Accept ~ "(?i)image/avif" && req.http.Accept !~ "(?i)image/avif\s*;\s*q=0(\.0*)?\s*(,|$)") {
      set var.accept = "image/avif,image/webp";
    } else if (req.http.Accept ~ "(?i)image/webp" && req.http.Accept !~ "(?i)image/webp\s*;\s*q=0(\.0*)?\s*(,|$)") {
      set var.accept = "image/webp";
    }
  }
  set req.http.Accept = var.accept;
  # What is kept is for everybody.
  unset req.http.Authorization;
  unset req.http.X-API-Key;
  unset req.http.Cookie;
}

# --- fetch ---
if (req.url.path ~ "^/images/" && beresp.status >= 400) {
  # Errors say no-store; an old image is better than a new failure.
  if (beresp.status >= 500 && stale.exists) {
    return(deliver_stale);
  }
  return(pass);
}

# --- error ---
if (req.url.path ~ "^/images/" && obj.status >= 500 && obj.status < 600 && stale.exists) {
  return(deliver_stale);
}

# --- deliver ---
if (!req.http.Fastly-FF) {
  unset resp.http.Surrogate-Key;
}
