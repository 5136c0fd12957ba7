"""Whether a tool that fetches things says that the network failed it: its own words, at the place where it says them.

An application that prints "connection refused" tests itself, and is not meant: every pattern begins as a known tool's
line does. What this machine itself does not answer is no network either.
"""

from __future__ import annotations

import re
from typing import Final

_FAILS: Final = r"""(?:
      [Cc]ould\s?n[o']t\sresolve | [Cc]ould\snot\sresolve | [Tt]emporary\sfailure\s(?:in\sname\sresolution|resolving)
    | [Nn]o\ssuch\shost | [Uu]nknown\shost | [Nn]ame\sor\sservice\snot\sknown | nodename\snor\sservname | dns\serror
    | server\smisbehaving | [Cc]onnection\s(?:refused|reset|timed\sout|closed) | [Cc]onnect(?:ion)?\s?[Tt]imed\s?out
    | [Ff]ailed\sto\sconnect | [Cc]ould\snot\sconnect | [Uu]nable\sto\sconnect | [Nn]etwork\sis\sunreachable
    | [Nn]o\sroute\sto\shost | [Oo]peration\s(?:timed\sout|too\sslow) | [Rr]ead\stimed\sout | i/o\stimeout
    | TLS\shandshake\s(?:timeout|failure) | terminated\sthe\shandshake | SSL_ERROR_SYSCALL | SSL\sconnect\serror
    | gnutls_handshake | GnuTLS\srecv\serror | OpenSSL\sSSL_connect | [Rr]ecv\sfailure | unexpected\sdisconnect
    | tcp\sconnect\serror | error\ssending\srequest | context\sdeadline\sexceeded | Client\.Timeout 
        | unexpected\sEOF | :\sEOF$
    | (?:status(?:\scode)?:?|returned\serror:|HTTP(?:/[\d.]+)?|response:?|HTTP\sError|reading\shttp\S+:)\s?50[0234]\b
    | \b50[0234]\s(?:Bad\sGateway|Service\sUnavailable|Gateway\sTime-?out|Internal\sServer\sError)
)"""
_SAYS: Final = re.compile(
    rf"""
      curl:\s\((?:5|6|7|28|35|52|56|92)\)\s
    | curl:\s\(22\)\s.*\s50[0234]\b
    | wget:\s(?:unable\sto\sresolve\shost|can't\sconnect\sto\sremote\shost)
    | npm\s(?:ERR!|error)\s(?:code\s)?(?:ENOTFOUND|ECONNRESET|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN
        |ERR_SOCKET_TIMEOUT|EHOSTUNREACH|ENETUNREACH|E50[0234])\b
    | npm\s(?:ERR!|error)\s(?:network\s|50[0234]\s)
    | (?:error\s)?An\sunexpected\serror\soccurred:\s"https?://.*(?:ENOTFOUND|ECONNRESET|ECONNREFUSED|ETIMEDOUT
        |ESOCKETTIMEDOUT|EAI_AGAIN|status\scode\s50)
    | ERR_PNPM_(?:META_FETCH_FAIL|FETCH_50\d)
    | (?:WARNING:\s)?Retrying\s\(Retry\(total=0
    | pip\._vendor\.urllib3\.exceptions\.(?:ReadTimeout|NewConnection|ConnectTimeout|Protocol)Error
    | ERROR:\sCould\snot\sinstall\spackages\sdue\sto\san\sOSError:\sHTTPS?ConnectionPool
    | All\sattempts\sto\sconnect\sto\s\S+\sfailed
    | (?:error|warning|Caused\sby|[\u00d7╰─▶├\s]+):?\s*(?:[Ff]ailed\sto\s(?:fetch|download)
        |Request\sfailed\safter\s\d+\sretries).*{_FAILS}
    | (?:fatal|error):\s(?:unable\sto\saccess|RPC\sfailed;|unable\sto\sconnect|remote\serror).*(?:{_FAILS}
        |curl\s(?:18|28|52|56|92)\b)
    | ssh:\s(?:Could\snot\sresolve\shostname|connect\sto\shost\s\S+\sport\s\d+:\s(?:Connection\s(?:refused
        |timed\sout)|No\sroute|Network\sis))
    | (?:E|W|Err):?\d*:?\s.*(?:Failed\sto\sfetch|Temporary\sfailure\sresolving|Could\snot\sconnect\sto
        |Could\snot\sresolve|Connection\stimed\sout).*
    | (?:go:\s|\S+@v\S+:\s).*(?:dial\stcp|Get\s"https?:|reading\shttps?:|proxyconnect).*{_FAILS}
    | (?:warning:\sspurious\snetwork\serror|\[(?:5|6|7|28|35|56)\]\s.*(?:resolve|connect|[Tt]imeout|SSL))
    | (?:docker:\s)?Error\sresponse\sfrom\sdaemon:\s.*{_FAILS}
    | ERROR:\s(?:failed\sto\s(?:solve|do\srequest|build)|.*registry).*{_FAILS}
    | (?:\[ERROR\]\s.*|>\s)?Could\snot\s(?:transfer\sartifact|find\sartifact|GET|HEAD|download
        |resolve\s\S+:\S+).*{_FAILS}
    | (?:Bundler::HTTPError|Gem::RemoteFetcher::FetchError|Could\snot\sreach\shost|Network\serror\swhile\sfetching)
    | (?:curl\serror\s(?:6|7|28|35|56)\swhile\sdownloading
        |The\s"https?://.*file\scould\snot\sbe\sdownloaded.*(?:{_FAILS}|HTTP/\S+\s50))
    """,
    re.VERBOSE,
)
_HERE: Final = re.compile(
    r"\blocalhost\b|(?<![\d.])127\.\d|\[?::1\]?|\b0\.0\.0\.0\b|host\.docker\.internal", re.IGNORECASE
)


def says_network(line: str) -> bool:
    """Of a plain line."""
    return _SAYS.match(line) is not None and _HERE.search(line) is None
