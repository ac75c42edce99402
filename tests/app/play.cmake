tg_test(app/test_gtp LINK tg::play)
tg_test(app/test_gtp_clock LINK tg::play)
tg_test(app/test_gtp_katago LINK tg::play TIMEOUT 120)
